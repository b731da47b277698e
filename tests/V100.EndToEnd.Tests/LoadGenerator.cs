using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The load generator as a child process.</summary>
internal sealed class LoadGenerator : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private LoadGenerator(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, line) => OnLine(line.Data);
        _process.ErrorDataReceived += (_, line) => OnLine(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>How it is run; arguments follow.</summary>
    public static string[] Command { get; } =
        [Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"), Path.Combine(AppContext.BaseDirectory, "V100.Load.dll")];

    public bool HasExited => _process.HasExited;

    /// <summary>A call of one publisher and several players, who say nothing of what they get.</summary>
    public static LoadGenerator Call(Uri server, int players, int packetsPerSecond, int seconds)
    {
        string[] command =
        [
            .. Command, "publish-and-play", "--url", server.ToString(), "--key", ServerProcess.ApiKey, "--secret", ServerProcess.ApiSecret,
            "--subscribers", Text(players), "--rate", Text(packetsPerSecond), "--seconds", Text(seconds), "--feedback", "none",
        ];
        return new LoadGenerator(Start(command));
    }

    /// <summary>Runs to its own end, which must be a good one, and gives its result.</summary>
    /// <param name="limit">After which it is killed.</param>
    /// <param name="arguments">Those behind <c>load</c>.</param>
    /// <param name="inside">The network namespace in which it runs; null for this one.</param>
    public static async Task<JsonElement> RunAsync(TimeSpan limit, string[] arguments, string? inside = null)
    {
        string json = Path.GetTempFileName();
        try
        {
            string[] command = [.. Command, .. arguments, "--json", json];
            command = inside is null ? command : NetworkNamespaces.Inside(inside, command);
            await using LoadGenerator load = new(Start(command));
            await load.RunToEndAsync(limit);
            return JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(json));
        }
        finally
        {
            File.Delete(json);
        }
    }

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>To its own end, which must be a good one.</summary>
    public async Task RunToEndAsync(TimeSpan limit)
    {
        await Poll.UntilAsync("the load ends", limit, () => Task.FromResult(HasExited), () => Output);
        await _process.WaitForExitAsync(); // Its last lines are read.
        Assert.True(_process.ExitCode == 0, Output);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static Process Start(string[] command) =>
        Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private void OnLine(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
