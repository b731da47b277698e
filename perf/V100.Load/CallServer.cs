using V100.Client;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>A client of a session, and what it is to take as the server's description.</summary>
internal sealed record JoiningClient(WebRtcClient Transport, string Description);

/// <summary>How a server is asked for calls. V100 answers offers; others offer to who plays.</summary>
internal interface ICallServer : IDisposable
{
    /// <summary>What a publisher's offer says of its role in DTLS (RFC 8842, 5.2), so that it begins the handshake.</summary>
    string PublisherSetup { get; }

    /// <summary>Before anybody joins.</summary>
    Task CreateRoomAsync(string room, int publishers);

    /// <summary>Returns the server's answer.</summary>
    Task<string> PublishAsync(string room, string identity, WebRtcClient client);

    /// <param name="room">In which.</param>
    /// <param name="identity">Who plays.</param>
    /// <param name="publisher">Who is played.</param>
    /// <param name="reports">The client tells what it gets.</param>
    /// <param name="create">Makes the client, of what it offers or answers.</param>
    Task<JoiningClient> PlayAsync(string room, string identity, string publisher, bool reports, Func<ClientOffer, WebRtcClient> create);

    /// <summary>Ends all of its sessions.</summary>
    Task EndRoomAsync(string room);
}

/// <summary>V100, by WHIP and WHEP.</summary>
internal sealed class V100CallServer(Uri url, string key, string secret, bool isAudio) : ICallServer
{
    private readonly ControlClient _control = new(url, key, secret);

    public string PublisherSetup => "actpass"; // RFC 9725, 4.4: the server then is passive.

    public Task CreateRoomAsync(string room, int publishers) => Task.CompletedTask; // Who joins first makes it.

    public async Task<string> PublishAsync(string room, string identity, WebRtcClient client)
    {
        string token = await _control.CreateTokenAsync(room, identity).ConfigureAwait(false);
        return (await _control.PublishAsync(room, token, client.OfferText).ConfigureAwait(false)).Answer;
    }

    public async Task<JoiningClient> PlayAsync(string room, string identity, string publisher, bool reports, Func<ClientOffer, WebRtcClient> create)
    {
        ClientOffer offer = reports ? ClientOffer.AdaptiveSubscriber() : ClientOffer.Subscriber();
        WebRtcClient transport = create(isAudio ? offer.AudioOnly() : offer);
        string token = await _control.CreateTokenAsync(room, identity).ConfigureAwait(false);
        return new JoiningClient(transport, (await _control.PlayAsync(room, token, publisher, transport.OfferText).ConfigureAwait(false)).Answer);
    }

    public Task EndRoomAsync(string room) => _control.DeleteRoomAsync(room);

    public void Dispose() => _control.Dispose();
}
