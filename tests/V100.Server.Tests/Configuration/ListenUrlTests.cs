using V100.Server.Configuration;

namespace V100.Server.Tests.Configuration;

public sealed class ListenUrlTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8080", true, "http://127.0.0.1:9")]
    [InlineData("http://localhost:8080/", true, "http://localhost:9")]
    [InlineData("https://[::1]:443", true, "https://[::1]:9")]
    [InlineData("http://*:80", false, "http://localhost:9")]
    [InlineData("http://0.0.0.0", false, "http://localhost:9")]
    [InlineData("http://[::]:1", false, "http://localhost:9")]
    [InlineData("http://192.0.2.1:1", false, "http://192.0.2.1:9")]
    public void Reads(string text, bool loopback, string browserUrl)
    {
        Assert.True(ListenUrl.TryParse(text, out ListenUrl? url));
        Assert.Equal((loopback, browserUrl), (url.IsLoopback, url.BrowserUrl(9)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1:8080")]
    [InlineData("http://example.com:80")]
    [InlineData("http://127.0.0.1:65536")]
    [InlineData("http://127.0.0.1:+1")]
    [InlineData("http://127.0.0.1:80/path")]
    [InlineData("http://::1:80")]
    [InlineData("http://[127.0.0.1]:80")]
    [InlineData("http://:80")]
    public void Refuses(string text)
    {
        Assert.False(ListenUrl.TryParse(text, out _));
    }
}
