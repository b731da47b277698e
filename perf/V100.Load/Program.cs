Console.Error.WriteLine("no mode yet");
return 2;
