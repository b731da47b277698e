using V100.Net;
using V100.Net.Sockets;
using V100.Stun;

namespace V100.Load;

/// <summary>Drives many clients' requests, a bounded number of them at a time. Opening and closing never sleep: a server that wakes the generator would pay for that.</summary>
/// <param name="network">The sockets.</param>
/// <param name="clients">By their index.</param>
/// <param name="held">They keep their addresses: see <see cref="TurnUse.Held"/>.</param>
internal sealed class TurnSignaling(TurnNetwork network, TurnClient[] clients, bool held = false)
{
    private const int AtATime = 32;
    private static readonly TimeSpan _retryCheckInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _phaseTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _closeTimeout = TimeSpan.FromSeconds(5);

    private readonly List<TurnClient> _active = [];
    private readonly Queue<TurnClient> _settled = new();
    private Instant _nextRetryCheck;

    /// <summary>Makes every client's allocation, and its channel or permission.</summary>
    /// <param name="skip">The first so many have theirs already.</param>
    /// <exception cref="LoadFailedException">One of them is refused or not answered.</exception>
    public void Open(int skip = 0)
    {
        Run(clients[skip..], TurnStep.Challenge, _phaseTimeout, settled =>
        {
            if (settled.Step == TurnStep.Failed)
            {
                throw new LoadFailedException(settled.Failure);
            }
        });
    }

    /// <summary>Ends the allocations. What a server does not answer expires by itself.</summary>
    public void Close() => Run([.. clients.Where(client => client.Step == TurnStep.Ready)], TurnStep.Delete, held ? _phaseTimeout : _closeTimeout, _ => { });

    private void Run(TurnClient[] all, TurnStep first, TimeSpan timeout, Action<TurnClient> whenSettled)
    {
        Instant now = MonotonicClock.Now;
        Instant deadline = now + timeout;
        int begun = 0;
        while (begun < all.Length || _active.Count > 0)
        {
            while (begun < all.Length && _active.Count < AtATime)
            {
                Begin(all[begun++], first, now);
            }

            now = RunTurn();
            while (_settled.TryDequeue(out TurnClient? client))
            {
                whenSettled(client);
            }

            if (now > deadline)
            {
                _active.Clear();
                if (first != TurnStep.Delete)
                {
                    throw new LoadFailedException($"{begun} of {all.Length} allocations were begun after {timeout.TotalSeconds:0} s");
                }

                return;
            }
        }
    }

    /// <summary>Makes allocations and deletes them at once, over and over; each time the clients that have rested longest.</summary>
    /// <param name="duration">After which none is begun any more; those under way end.</param>
    public AllocationCounts Cycle(TimeSpan duration)
    {
        Instant now = MonotonicClock.Now;
        Instant end = now + duration;
        var resting = new Queue<TurnClient>(clients);
        long cycles = 0;
        long failures = 0;
        while (now < end || (_active.Count > 0 && now < end + _closeTimeout))
        {
            while (now < end && _active.Count < AtATime && resting.TryDequeue(out TurnClient? next))
            {
                Begin(next, TurnStep.Challenge, now);
            }

            now = RunTurn();
            while (_settled.TryDequeue(out TurnClient? client))
            {
                if (client.Step == TurnStep.Ready)
                {
                    Begin(client, TurnStep.Delete, now);
                    continue;
                }

                cycles += client.Step == TurnStep.Deleted ? 1 : 0;
                failures += client.Step == TurnStep.Failed ? 1 : 0;
                LastFailure = client.Step == TurnStep.Failed ? client.Failure : LastFailure;
                resting.Enqueue(client);
            }
        }

        _active.Clear();
        return new AllocationCounts(cycles, failures);
    }

    /// <summary>
    /// Refreshes all clients in turn, at a rate that no slow answer holds up. Between the requests it sleeps: a thread that never does is
    /// itself made to wait by the system now and then, and that would count as the server's.
    /// </summary>
    /// <param name="duration">After which none is begun any more; those under way end.</param>
    /// <param name="ratePerSecond">How many are begun.</param>
    /// <param name="latency">Gets how long each took, from when it was due: lost and repeated ones too.</param>
    public AllocationCounts KeepAlive(TimeSpan duration, int ratePerSecond, LatencyHistogram latency)
    {
        using Poller poller = Poller.Create(new UdpOptions().EffectiveBackend);
        poller.Begin();
        if (!poller.TryAdd(network.Clients))
        {
            throw new IOException("The system has no memory to watch a socket.");
        }

        Instant began = MonotonicClock.Now;
        Instant now = began;
        long total = (long)(duration.TotalSeconds * ratePerSecond);
        long begun = 0;
        long failures = 0;
        var due = new Dictionary<TurnClient, Instant>();
        while (begun < total || (_active.Count > 0 && now < began + duration + _closeTimeout))
        {
            for (long wanted = Math.Min(total, 1 + (long)((now - began).TotalSeconds * ratePerSecond)); begun < wanted; begun++)
            {
                TurnClient next = clients[begun % clients.Length];
                if (next.Step != TurnStep.Ready)
                {
                    // It waits since its last turn, or has failed.
                    failures++;
                    continue;
                }

                due[next] = began + TimeSpan.FromSeconds((double)begun / ratePerSecond);
                Begin(next, TurnStep.Refresh, now);
            }

            network.ToServer.Flush();
            Instant nextDue = begun < total ? began + TimeSpan.FromSeconds((double)begun / ratePerSecond) : now + _retryCheckInterval;
            poller.Wait(now, Instant.Earlier(nextDue, now + _retryCheckInterval));
            now = RunTurn();
            while (_settled.TryDequeue(out TurnClient? client))
            {
                failures += client.Step == TurnStep.Ready ? 0 : 1;
                LastFailure = client.Step == TurnStep.Failed ? client.Failure : LastFailure;
                latency.Add((long)((now - due[client]).TotalMicroseconds * 1000));
                due.Remove(client);
            }
        }

        failures += _active.Count;
        _active.Clear();
        return new AllocationCounts(begun, failures);
    }

    /// <summary>Why the last that failed did.</summary>
    public string LastFailure { get; private set; } = "";

    private void Begin(TurnClient client, TurnStep step, Instant now)
    {
        client.Begin(step, network.ToServer, now);
        _active.Add(client);
    }

    private Instant RunTurn()
    {
        network.ToServer.Flush();
        UdpSocket socket = network.Clients;
        Instant now = MonotonicClock.Now;
        while (socket.Receive())
        {
            now = MonotonicClock.Now;
            while (socket.TryRead(out Datagram datagram))
            {
                Handle(in datagram, now);
            }
        }

        if (_nextRetryCheck <= now)
        {
            _nextRetryCheck = now + _retryCheckInterval;
            for (int index = _active.Count - 1; index >= 0; index--)
            {
                if (_active[index].RetryAt <= now)
                {
                    _active[index].Retry(network.ToServer, now);
                    SettleIfDone(_active[index]);
                }
            }
        }

        return now;
    }

    private void Handle(in Datagram datagram, Instant now)
    {
        int index = held ? TurnClient.HeldIndexOf(datagram.Local) : TurnClient.IndexOf(datagram.Local);
        if (index < clients.Length && clients[index].IsWaiting && StunReader.TryParse(datagram.Bytes, out StunReader message))
        {
            clients[index].HandleAnswer(in message, network.ToServer, now);
            SettleIfDone(clients[index]);
        }
    }

    private void SettleIfDone(TurnClient client)
    {
        if (!client.IsWaiting)
        {
            _active.Remove(client);
            _settled.Enqueue(client);
        }
    }
}

/// <param name="Cycles">Allocations made and deleted, or refreshed.</param>
/// <param name="Failures">Those that were refused or not answered.</param>
internal readonly record struct AllocationCounts(long Cycles, long Failures);
