using V100.Load;

return await LoadCommand.RunAsync(args).ConfigureAwait(false);

namespace V100.Load
{
    /// <summary>Synthetic clients against a running server on this machine. Each mode is a file of its own.</summary>
    internal static class LoadCommand
    {
        private const string Usage = """
            usage: V100.Load MODE [OPTIONS]

            Each mode loads a server on this machine with clients that are built of V100's own protocol machines, and prints what
            they saw. Only loopback addresses are accepted.

            modes:
              publish-and-play   publishers and players of calls (publish-and-play --help lists the options)
              api                requests of the control API at a fixed rate (api --help lists the options)
              signaling          sessions made and ended (signaling --help lists the options)
              soak               minutes of churn, and whether anything is left of it (soak --help lists the options)
              turn               allocations of a TURN server, and packets through them (turn --help lists the options)
              compare-turn       V100 beside coturn (compare-turn --help)
              measure-system     forwarding beside Janus, latency, memory, cost against load (measure-system --help)
            """;

        public static async Task<int> RunAsync(string[] arguments)
        {
            try
            {
                switch (arguments.FirstOrDefault())
                {
                    case "publish-and-play":
                        return await PublishAndPlay.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case SubscriberProcess.Mode:
                        return await SubscriberProcess.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case BareFanout.Mode:
                        return BareFanout.Run(arguments[1..]);
                    case "api":
                        return await ApiLoad.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case "turn":
                        return TurnLoad.Run(arguments[1..]);
                    case "compare-turn":
                        return TurnComparison.Run(arguments[1..]);
                    case "signaling":
                        return await SignalingLoad.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case "soak":
                        return await Soak.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case "measure-system":
                        return await SystemSuite.RunAsync(arguments[1..]).ConfigureAwait(false);
                    case "--help":
                        Console.WriteLine(Usage);
                        return 0;
                    default:
                        Console.Error.WriteLine(Usage);
                        return 2;
                }
            }
            catch (LoadFailedException failure)
            {
                Console.Error.WriteLine($"load: {failure.Message}");
                return 1;
            }
        }
    }

    /// <summary>What ends a run; the message says why.</summary>
    internal sealed class LoadFailedException(string message) : Exception(message);
}
