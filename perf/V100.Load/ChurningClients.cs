using System.Collections.Concurrent;
using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>A client that comes and goes.</summary>
/// <param name="Client">What the driver drives.</param>
/// <param name="Session">The server's.</param>
/// <param name="Room">Where it is.</param>
/// <param name="Identity">Who it is.</param>
internal sealed record ChurningClient(DrivenClient Client, OpenSession Session, string Room, string Identity);

/// <summary>Joins and ends sessions of V100 one by one. Any thread, several at a time.</summary>
/// <param name="control">The server.</param>
/// <param name="driver">Its addresses are used in turn: whoever left silently is still a session's when the next client comes.</param>
/// <param name="options">What publishers send and subscribers tell.</param>
internal sealed class ChurningClients(ControlClient control, ClientDriver driver, PublishAndPlayOptions options) : IDisposable
{
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(2);

    private readonly DtlsContext _dtls = new(DtlsCertificate.Create());
    private readonly MeasuredWindow _window = new();
    private readonly ConcurrentDictionary<TransportAddress, bool> _taken = [];
    private int _next;

    /// <summary>Until it is connected, where it connects at all.</summary>
    /// <exception cref="LoadFailedException">It is refused, or does not come to its keys within ten seconds.</exception>
    public async Task<ChurningClient> PublishAsync(string room, string identity, bool connects = true)
    {
        var random = new Random();
        WebRtcClient transport = CreateTransport(
            options.Shape == TrafficShape.Simulcast ? ClientOffer.SimulcastPublisher(random) : ClientOffer.Publisher(random), random);
        string token = await control.CreateTokenAsync(room, identity).ConfigureAwait(false);
        OpenSession session = await control.PublishAsync(room, token, transport.OfferText).ConfigureAwait(false);
        var publisher = new LoadPublisher(transport, options, _window, random);
        publisher.Start(MonotonicClock.Now);
        return await StartAsync(new ChurningClient(publisher, session, room, identity), isTimed: true, connects).ConfigureAwait(false);
    }

    /// <inheritdoc cref="PublishAsync"/>
    public async Task<ChurningClient> PlayAsync(string room, string identity, string publisher, bool connects = true)
    {
        var random = new Random();
        WebRtcClient transport = CreateTransport(ClientOffer.AdaptiveSubscriber(), random);
        string token = await control.CreateTokenAsync(room, identity).ConfigureAwait(false);
        OpenSession session = await control.PlayAsync(room, token, publisher, transport.OfferText).ConfigureAwait(false);
        var client = new ChurningClient(new LoadSubscriber(transport, options, _window, MonotonicClock.Now, random), session, room, identity);
        return await StartAsync(client, isTimed: false, connects).ConfigureAwait(false);
    }

    /// <summary>With a word to the server.</summary>
    public async Task LeaveAsync(ChurningClient client)
    {
        try
        {
            await control.EndAsync(client.Session).ConfigureAwait(false);
        }
        finally
        {
            Vanish(client);
        }
    }

    /// <summary>Without a word: the server finds out when consent expires (RFC 7675).</summary>
    public void Vanish(ChurningClient client)
    {
        driver.Remove(client.Client);
        _taken.TryRemove(client.Client.Transport.Address, out _);
    }

    public async Task RestartIceAsync(ChurningClient client)
    {
        string fragment = "";
        await Waiting.OnDriverAsync(driver, () => fragment = client.Client.Transport.BeginIceRestart()).ConfigureAwait(false);
        string answer = await control.RestartIceAsync(client.Session, fragment).ConfigureAwait(false);
        await Waiting.OnDriverAsync(driver, () => client.Client.Transport.AcceptIceRestart(answer, MonotonicClock.Now)).ConfigureAwait(false);
    }

    public Task LimitLayerAsync(ChurningClient client, string layer) => control.LimitLayerAsync(client.Session, layer);

    public void Dispose() => _dtls.Dispose();

    private WebRtcClient CreateTransport(ClientOffer offer, Random random)
    {
        for (int tries = 0; tries < driver.Addresses.Length; tries++)
        {
            TransportAddress address = driver.Addresses[(int)((uint)Interlocked.Increment(ref _next) % driver.Addresses.Length)];
            if (_taken.TryAdd(address, true))
            {
                return new WebRtcClient(_dtls, offer, address, driver.Output, random);
            }
        }

        throw new LoadFailedException("all addresses are taken");
    }

    private async Task<ChurningClient> StartAsync(ChurningClient client, bool isTimed, bool connects)
    {
        if (!connects)
        {
            return client;
        }

        driver.Start(client.Client, client.Session.Answer, isTimed);
        Instant deadline = MonotonicClock.Now + _connectTimeout;
        while (!client.Client.IsConnected)
        {
            driver.ThrowIfFailed();
            if (MonotonicClock.Now > deadline)
            {
                Vanish(client);
                throw new LoadFailedException($"{client.Identity} in {client.Room} is not connected after {_connectTimeout.TotalSeconds:0} s");
            }

            await Task.Delay(_pollInterval).ConfigureAwait(false);
        }

        return client;
    }
}
