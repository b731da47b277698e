namespace V100.EndToEnd.Tests;

/// <summary>One publisher and one player in a room of a server, and what "the call works" means.</summary>
internal sealed class Call : IAsyncDisposable
{
    private static readonly TimeSpan _mediaLimit = TimeSpan.FromSeconds(25);

    private Call(ServerProcess server, ClientProcess publisher, ClientProcess player, string publisherSession, string playerSession)
    {
        Server = server;
        Publisher = publisher;
        Player = player;
        PublisherSession = publisherSession;
        PlayerSession = playerSession;
    }

    public ServerProcess Server { get; }

    public ClientProcess Publisher { get; }

    public ClientProcess Player { get; }

    public string PublisherSession { get; }

    public string PlayerSession { get; }

    /// <summary>The publisher joins, then the player.</summary>
    public static async Task<Call> StartAsync(
        ServerProcess server, string room, ClientKind publisher, ClientKind player, ClientOptions? publish = null, ClientOptions? play = null)
    {
        publish ??= new ClientOptions();
        play ??= publish with { Codec = null };
        ClientProcess publishing = ClientProcess.Publish(publisher, publish.Server ?? server.ClientUrl, room, await server.Api.TokenAsync(room, "publisher"), publish);
        ClientProcess? playing = null;
        try
        {
            string publisherSession = await publishing.JoinedAsync();
            playing = ClientProcess.Play(player, server.ClientUrl, room, await server.Api.TokenAsync(room, "player"), play);
            string playerSession = await playing.JoinedAsync(play.Joins);
            return new Call(server, publishing, playing, publisherSession, playerSession);
        }
        catch (Exception failure)
        {
            string transcript = $"{publishing.Transcript()}\n{playing?.Transcript()}\nserver:\n{server.Log}";
            await publishing.DisposeAsync();
            await (playing?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw new InvalidOperationException($"{failure.Message}\n{transcript}", failure);
        }
    }

    /// <summary>
    /// From now on: frames are decoded that differ from each other and are not black, bytes and sound arrive, and the
    /// player's own statistics say the same.
    /// </summary>
    public async Task AssertPlaysAsync()
    {
        // What was there before proves nothing about now.
        double frames = Player.Figure("framesDecoded");
        double bytes = Player.Figure("bytesReceived");
        double energy = Player.Figure("audioEnergy");
        int pictures = Player.All("picture").Count;
        await Player.WaitAsync(
            "moving pictures and sound", _mediaLimit,
            () => Player.Figure("framesDecoded") >= frames + 10
                && Player.Figure("bytesReceived") > bytes
                && Player.Figure("audioEnergy") > energy
                && Player.All("picture").Skip(pictures).Any(Moves));
    }

    public async ValueTask DisposeAsync()
    {
        await Player.DisposeAsync();
        await Publisher.DisposeAsync();
    }

    private static bool Moves(System.Text.Json.JsonElement picture)
        => picture.GetProperty("moved").GetBoolean() && !picture.GetProperty("black").GetBoolean();
}
