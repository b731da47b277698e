using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace V100.Server.Tests;

/// <summary>The process: arguments, environment, exit codes, what it prints, signals.</summary>
public sealed class StartupTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Check_ends_with_0_or_with_1_and_one_line()
    {
        (int good, string said, _) = await RunAsync(["--check"]);
        Assert.Equal((0, "The configuration is good.\n"), (good, said));
        (int bad, said, string error) = await RunAsync(["--check", "--V100:Udp:Port=seven"]);
        Assert.Equal((1, "", "v100: V100:Udp:Port = \"seven\": allowed is a whole number from 0 to 65535\n"), (bad, said, error));
    }

    [Fact]
    public async Task The_environment_configures_and_the_command_line_wins()
    {
        (int code, _, string error) = await RunAsync(["--check"], ("V100__Tcp__Port", "seven"));
        Assert.Equal((1, "v100: V100:Tcp:Port = \"seven\": allowed is a whole number from 0 to 65535\n"), (code, error));
        (code, _, _) = await RunAsync(["--check", "--V100:Tcp:Port=7"], ("V100__Tcp__Port", "seven"));
        Assert.Equal(0, code);
        (code, _, error) = await RunAsync(["--check"], ("V100__Tcp__Prot", "7"));
        Assert.Equal(1, code);
        Assert.Contains("V100:Tcp:Prot", error);
    }

    [Fact]
    public async Task Help_and_version_end_with_0()
    {
        Assert.Equal(0, (await RunAsync(["--help"])).Code);
        Assert.StartsWith("V100 ", (await RunAsync(["--version"])).Output);
    }

    [Fact]
    public async Task It_prints_where_it_is_with_a_key_pair_and_a_page_that_work_and_ends_on_SIGTERM()
    {
        using Process process = Start(["--V100:Http:Url=http://127.0.0.1:0", "--V100:Udp:Port=0", "--V100:Tcp:Port=0"]);
        try
        {
            string url = await FindAsync(process, @"^\s+HTTP\s+(http://127\.0\.0\.1:\d+)$");
            Assert.NotEqual("0", await FindAsync(process, @"^\s+UDP\s+port (\d+)"));
            Assert.NotEqual("0", await FindAsync(process, @"^\s+TCP\s+port (\d+)"));
            string key = await FindAsync(process, @"^\s+API key\s+(\S+)$");
            string secret = await FindAsync(process, @"^\s+Secret\s+(\S{32,})$");
            string token = await FindAsync(process, @"^\s+Page\s+http\S+#token=(\S+)$");
            using HttpClient http = new() { BaseAddress = new Uri(url) };
            http.DefaultRequestHeaders.Authorization = new("Bearer", token);
            Assert.Equal("""{"rooms":[]}""", await http.GetStringAsync("/v1/rooms"));
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{key}:{secret}")));
            Assert.Equal("""{"rooms":[]}""", await http.GetStringAsync("/v1/rooms"));

            using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync().WaitAsync(Patience);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>The first group of the first line to come that matches.</summary>
    private static async Task<string> FindAsync(Process process, string pattern)
    {
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(Patience) is string line)
        {
            Match match = Regex.Match(line, pattern);
            if (match.Success)
            {
                return match.Groups[1].Value;
            }
        }

        throw new InvalidOperationException($"It ended without {pattern}: {await process.StandardError.ReadToEndAsync()}");
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        using Process process = Start(arguments, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience);
        return (process.ExitCode, await output, await error);
    }

    private static Process Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "V100.Server.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
