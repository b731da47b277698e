using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace V100.EndToEnd.Tests;

/// <summary>The page that a newcomer follows works as it stands.</summary>
public sealed partial class QuickstartTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_quickstart_makes_a_key_a_room_two_tokens_and_a_participant_ends_it_and_reads_usage()
    {
        string page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "quickstart.md"));

        // A script that fails must not leave its server behind.
        string script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n" + string.Join('\n', Block().Matches(page).Select(block => block.Groups[1].Value));
        using StoreFolder store = new();
        ProcessStartInfo start = new("bash", ["-c", script]) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["V100__Http__Url"] = $"http://127.0.0.1:{FreePort.Find()}";
        start.Environment["V100__Udp__Port"] = start.Environment["V100__Tcp__Port"] = $"{FreePort.Find()}";
        start.Environment["V100__Store__Path"] = store.Path;
        using Process bash = Process.Start(start)!;
        Task<string> told = bash.StandardOutput.ReadToEndAsync();
        Task<string> errors = bash.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(_limit);
        try
        {
            await bash.WaitForExitAsync(limit.Token);
        }
        finally
        {
            bash.Kill(entireProcessTree: true);
        }

        string output = $"{await told}\n{await errors}";
        Assert.True(bash.ExitCode == 0, output);
        string[] answers = [.. output.Split('\n').Where(line => line.StartsWith('{'))];
        Assert.Equal(("demo", 10), (Parse(answers[0]).GetProperty("name").GetString(), Parse(answers[0]).GetProperty("maxParticipants").GetInt32()));
        Assert.Contains("a=setup:passive", output);
        Assert.Equal("forbidden", Parse(answers[1]).GetProperty("code").GetString());
        Assert.Equal(["alice"], Parse(answers[2]).GetProperty("participants").EnumerateArray().Select(participant => participant.GetProperty("identity").GetString()));
        Assert.Empty(Parse(answers[3]).GetProperty("participants").EnumerateArray());
        Assert.Empty(Parse(answers[4]).GetProperty("usage").EnumerateArray());
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
