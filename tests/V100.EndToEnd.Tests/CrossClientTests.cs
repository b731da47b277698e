namespace V100.EndToEnd.Tests;

/// <summary>Every other client as publisher to Chromium and as player of Chromium, over a veth pair between two namespaces.</summary>
public sealed class CrossClientTests
{
    private static readonly ClientOptions _small = new() { Width = 320, Height = 180, FramesPerSecond = 15 };

    [Theory]
    [InlineData("Firefox", null)]
    [InlineData("Aiortc", "vp8")]
    [InlineData("Aiortc", "h264")]
    [InlineData("GStreamer", "vp8")]
    [InlineData("GStreamer", "h264")]
    public Task Chromium_plays_what_it_publishes(string publisher, string? codec)
        => PlaysAsync(Enum.Parse<ClientKind>(publisher), ClientKind.Chromium, codec);

    [Theory]
    [InlineData("Firefox", "vp8")]
    [InlineData("Aiortc", "vp8")]
    [InlineData("GStreamer", "vp8")]
    public Task It_plays_what_Chromium_publishes(string player, string codec)
        => PlaysAsync(ClientKind.Chromium, Enum.Parse<ClientKind>(player), codec);

    private static async Task PlaysAsync(ClientKind publisher, ClientKind player, string? codec)
    {
        using NetworkNamespaces network = new();
        await using ServerProcess server = await ServerProcess.StartAsync(network);
        ClientOptions publish = _small with { Codec = codec, Namespace = network.Clients };
        await using Call call = await Call.StartAsync(server, "cross", publisher, player, publish);
        await call.AssertPlaysAsync();
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
    }
}
