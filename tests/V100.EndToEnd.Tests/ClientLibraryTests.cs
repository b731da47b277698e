using System.Diagnostics;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>clients/js, which the server serves: `dotnet run` needs no compiler of TypeScript, so what it makes is committed.</summary>
public sealed class ClientLibraryTests
{
    private static readonly string _source = Path.Combine(Repository.Root, "clients", "js");
    private static readonly string _served = Path.Combine(Repository.Root, "src", "V100.Server", "wwwroot");

    [Fact]
    public async Task The_served_files_are_what_the_compiler_makes_of_the_source_and_it_finds_no_fault()
    {
        string compiler = Path.Combine(Repository.Artifacts, "clients", "node_modules", "typescript", "bin", "tsc");
        string made = Path.Combine(Repository.Artifacts, "clients-js");
        if (Directory.Exists(made))
        {
            Directory.Delete(made, recursive: true);
        }

        ProcessStartInfo start = new("node", [compiler, "-p", _source, "--outDir", made]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, text);

        string[] names = [.. Directory.GetFiles(made).Select(path => Path.GetFileName(path)).Order()];
        Assert.Equal(Directory.GetFiles(_source, "*.ts").Select(path => Path.GetFileNameWithoutExtension(path) + ".js").Order(), names);
        Assert.All(names, name => Assert.True(
            File.ReadAllText(Path.Combine(made, name)) == File.ReadAllText(Path.Combine(_served, name)),
            $"{name} is not what clients/js says: node artifacts/clients/node_modules/typescript/bin/tsc -p clients/js"));
    }

    [Fact]
    public async Task The_lines_of_the_README_hold_a_call_on_a_page_of_another_origin_and_events_go_on_after_a_break()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        string tokens = JsonSerializer.Serialize(new { ada = await server.Api.TokenAsync("r", "ada"), ben = await server.Api.TokenAsync("r", "ben") });
        ProcessStartInfo start = new("node", ["library.mjs", "--url", server.ClientUrl.ToString(), "--token", tokens])
        {
            WorkingDirectory = Repository.Clients,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{text}\n{server.Log}");
        ILookup<string, JsonElement> events = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToLookup(item => item.GetProperty("event").GetString()!);

        Assert.Equal(2, events["embedded"].Count());
        Assert.All(events["embedded"], item => Assert.DoesNotContain("rror", item.GetProperty("heard").GetString(), StringComparison.Ordinal));
        Assert.All(events["embedded"], item => Assert.Matches(@"\[(ada, ben|ben, ada)\]", item.GetProperty("heard").GetString()));
        Assert.All(events["embedded"], item => Assert.Contains(204, item.GetProperty("patched").EnumerateArray().Select(status => status.GetInt32())));
        Assert.Contains(200, events["restarted"].Single().GetProperty("patched").EnumerateArray().Select(status => status.GetInt32()));

        // A room that is not there yet and a server that is busy are asked again, with the id of the last event that came.
        JsonElement heard = events["listened"].Single();
        Assert.Equal(["", "", "1-2", "1-2"], Texts(heard, "asked"));
        Assert.Equal(["lost", "live", "lost", "live", "ended room_ended"], Texts(heard, "states"));
        Assert.Equal(["Zoé"], Texts(heard, "left"));
        Assert.Equal(["z1"], Texts(heard, "tracks"));
        AssertState("""{"dominant":"Zoé","loudest":["Zoé"]}""", heard.GetProperty("speakers"));
        AssertState(
            """
            {"z1":{"identity":"Zoé","trackId":"z1","kind":"audio","source":"microphone","layers":[""],"muted":true,"wanted":[],"level":-30},
             "a1":{"identity":"ada","trackId":"a1","kind":"video","source":"camera","layers":["m","h"],"muted":false,"wanted":["h"],"score":4.25}}
            """,
            heard.GetProperty("before"));
        AssertState(
            """
            {"identity":"Zoé","joinedAt":"then","name":"Z",
             "tracks":{"z1":{"identity":"Zoé","trackId":"z1","kind":"audio","source":"microphone","layers":[""],"muted":true,"wanted":[],"level":-30}},
             "subscriptions":{"s1":{"subscription":"s1","paused":true,"reason":"estimate_too_low","trackId":"a1"},"s2":{"subscription":"s2","paused":false,"score":3.5}}}
            """,
            heard.GetProperty("zoe"));
    }

    private static string[] Texts(JsonElement item, string name) => [.. item.GetProperty(name).EnumerateArray().Select(one => one.GetString()!)];

    private static void AssertState(string expected, JsonElement actual)
        => Assert.True(JsonElement.DeepEquals(JsonSerializer.Deserialize<JsonElement>(expected), actual), actual.ToString());
}
