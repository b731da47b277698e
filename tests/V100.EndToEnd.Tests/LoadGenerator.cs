using System.Diagnostics;
using System.Globalization;
using System.Text;

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
        return new LoadGenerator(Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!);
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

    private void OnLine(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
