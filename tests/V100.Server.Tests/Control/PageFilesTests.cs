using System.Text.RegularExpressions;

namespace V100.Server.Tests.Control;

public sealed partial class PageFilesTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task The_page_asks_for_nothing_but_its_own_files_and_they_are_there()
    {
        Reply page = await _server.SendAsync("GET", "/");
        Assert.Equal((200, "text/html"), (page.Code, page.Type));
        HashSet<string> asked = [.. Link().Matches(page.Body).Select(match => match.Groups[1].Value)];
        Queue<string> unread = new(asked);
        while (unread.TryDequeue(out string? path))
        {
            Assert.StartsWith("/", path);
            Reply file = await _server.SendAsync("GET", path);
            Assert.Equal(200, file.Code);
            Assert.DoesNotMatch("https?://(?!www.w3.org/)", file.Body);
            foreach (string imported in Import().Matches(file.Body).Select(match => "/" + match.Groups[1].Value).Where(asked.Add))
            {
                unread.Enqueue(imported);
            }
        }

        Assert.Superset(new HashSet<string> { "/media.js", "/v100-events.js" }, asked);
    }

    [Fact]
    public async Task The_policy_is_strict_and_the_page_keeps_to_it()
    {
        Reply page = await _server.SendAsync("GET", "/");
        string policy = page.Header("Content-Security-Policy");
        Assert.StartsWith("default-src 'none'", policy);
        Assert.DoesNotContain("unsafe", policy);
        Assert.DoesNotMatch(@"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style|javascript:", page.Body);
        Assert.Contains("frame-ancestors 'none'", policy);
        Assert.Equal(("nosniff", "DENY", "no-referrer"), (page.Header("X-Content-Type-Options"), page.Header("X-Frame-Options"), page.Header("Referrer-Policy")));
        Assert.Contains("camera=(self), microphone=(self)", page.Header("Permissions-Policy"));
    }

    [Fact]
    public async Task The_page_has_the_elements_that_tests_and_scripts_drive()
    {
        string page = (await _server.SendAsync("GET", "/")).Body;
        foreach (string id in new[] { "join", "leave", "room", "identity", "source", "token", "error" })
        {
            Assert.Single(Regex.Matches(page, $"\\sid=\"{id}\""));
        }
    }

    [Fact]
    public async Task A_known_file_is_not_sent_again()
    {
        Reply first = await _server.SendAsync("GET", "/app.js");
        Reply second = await _server.SendAsync("GET", "/app.js", null, null, "", "If-None-Match", first.Header("ETag"));
        Assert.Equal((304, ""), (second.Code, second.Body));
    }

    [GeneratedRegex("(?:src|href)=\"([^\"#?]+\\.[^\"]+)\"")]
    private static partial Regex Link();

    [GeneratedRegex("from \"\\./([^\"]+)\"")]
    private static partial Regex Import();
}
