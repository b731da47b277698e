using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>What a path does to what goes to the client; the way back has the same loss and half of the round trip, at any rate.</summary>
/// <param name="Loss">Packets that vanish, 0 to 1.</param>
/// <param name="BurstLength">The mean number of packets that vanish in a row (Gilbert's model); 1 for losses that know nothing of each other.</param>
/// <param name="RoundTrip">Without what waits at the bottleneck.</param>
/// <param name="Jitter">Up to so much is added on the way to the client, for each packet by chance; none overtakes another.</param>
/// <param name="RateBps">Of the bottleneck, by bytes of whole IP packets; 0 for none.</param>
internal sealed record PathConditions(double Loss = 0, double BurstLength = 1, TimeSpan RoundTrip = default, TimeSpan Jitter = default, long RateBps = 0);

/// <summary>
/// A path with loss, delay, jitter and a bottleneck between one client and the server, on loopback: where the kernel has no netem.
/// <see cref="Conditions"/> may change in the middle of a call.
/// </summary>
internal sealed class PathRelay : IDisposable
{
    /// <summary>What waits longer at the bottleneck is dropped.</summary>
    private static readonly TimeSpan _queueLimit = TimeSpan.FromMilliseconds(300);
    private const int HeaderBytes = 28;

    private readonly Socket _inner = Bound();
    private readonly Socket _outer = Bound();
    private readonly Direction _toClient;
    private readonly Direction _toServer;
    private volatile EndPoint? _client;
    private volatile PathConditions _conditions;

    public PathRelay(int serverPort, PathConditions conditions, Random random)
    {
        _conditions = conditions;
        var server = new IPEndPoint(IPAddress.Loopback, serverPort);
        _toClient = new Direction(packet => _inner.SendTo(packet, _client!), new Random(random.Next()));
        _toServer = new Direction(packet => _outer.SendTo(packet, server), new Random(random.Next()));
        Start(() => Receive(_inner, fromClient: true));
        Start(() => Receive(_outer, fromClient: false));
        Start(_toClient.Deliver);
        Start(_toServer.Deliver);
    }

    /// <summary>What the client must take for the server's candidate: <c>address:port</c>.</summary>
    public string Candidate => _inner.LocalEndPoint!.ToString()!;

    public PathConditions Conditions
    {
        get => _conditions;
        set => _conditions = value;
    }

    /// <summary>To the client: packets that came in, and those of them that vanished by chance or at the full bottleneck.</summary>
    public (long Sent, long Lost, long Overflowed) Counts => (_toClient.Sent, _toClient.Lost, _toClient.Overflowed);

    public void Dispose()
    {
        _toClient.Stop();
        _toServer.Stop();
        _inner.Dispose();
        _outer.Dispose();
    }

    private static void Start(Action loop) => new Thread(() => loop()) { IsBackground = true, Name = nameof(PathRelay) }.Start();

    private static Socket Bound()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private void Receive(Socket socket, bool fromClient)
    {
        byte[] buffer = new byte[2048];
        while (true)
        {
            EndPoint source = new IPEndPoint(IPAddress.Any, 0);
            int length;
            try
            {
                length = socket.ReceiveFrom(buffer, ref source);
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionRefused)
            {
                continue;
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                return;
            }

            PathConditions conditions = _conditions;
            if (fromClient)
            {
                _client = source;
                _toServer.Take(buffer.AsSpan(0, length), conditions with { Jitter = default, RateBps = 0 });
            }
            else if (_client is not null)
            {
                _toClient.Take(buffer.AsSpan(0, length), conditions);
            }
        }
    }

    /// <summary>One way: a queue of packets by the time at which they are due.</summary>
    private sealed class Direction(Action<byte[]> send, Random random)
    {
        private readonly Queue<(byte[] Packet, TimeSpan Due)> _queue = new();
        private readonly long _began = Stopwatch.GetTimestamp();
        private TimeSpan _free;
        private TimeSpan _lastDue;
        private bool _isBurst;
        private bool _isStopped;

        public long Sent { get; private set; }
        public long Lost { get; private set; }
        public long Overflowed { get; private set; }

        private TimeSpan Now => Stopwatch.GetElapsedTime(_began);

        public void Take(ReadOnlySpan<byte> packet, PathConditions conditions)
        {
            Sent++;
            TimeSpan due = Now;
            if (conditions.RateBps > 0)
            {
                TimeSpan start = _free > due ? _free : due;
                if (start - due > _queueLimit)
                {
                    Overflowed++;
                    return;
                }

                _free = due = start + TimeSpan.FromSeconds((packet.Length + HeaderBytes) * 8.0 / conditions.RateBps);
            }

            if (IsLost(conditions))
            {
                Lost++;
                return;
            }

            due += conditions.RoundTrip / 2 + conditions.Jitter * random.NextDouble();
            lock (_queue)
            {
                _lastDue = due > _lastDue ? due : _lastDue;
                _queue.Enqueue((packet.ToArray(), _lastDue));
                Monitor.Pulse(_queue);
            }
        }

        public void Deliver()
        {
            while (true)
            {
                byte[] packet;
                lock (_queue)
                {
                    while (!_isStopped && (_queue.Count == 0 || _queue.Peek().Due > Now))
                    {
                        Monitor.Wait(_queue, _queue.Count == 0 ? Timeout.InfiniteTimeSpan : Positive(_queue.Peek().Due - Now));
                    }

                    if (_isStopped)
                    {
                        return;
                    }

                    packet = _queue.Dequeue().Packet;
                }

                try
                {
                    send(packet);
                }
                catch (SocketException)
                {
                    // The other end is gone: lost, as it would be.
                }
                catch (ObjectDisposedException)
                {
                    return;
                }
            }
        }

        public void Stop()
        {
            lock (_queue)
            {
                _isStopped = true;
                Monitor.Pulse(_queue);
            }
        }

        private static TimeSpan Positive(TimeSpan wait) => wait > TimeSpan.FromMilliseconds(1) ? wait : TimeSpan.FromMilliseconds(1);

        private bool IsLost(PathConditions conditions)
        {
            if (conditions.Loss <= 0)
            {
                _isBurst = false;
                return false;
            }

            double leaves = 1 / conditions.BurstLength;
            double enters = leaves * conditions.Loss / (1 - conditions.Loss);
            _isBurst = conditions.BurstLength <= 1 ? random.NextDouble() < conditions.Loss
                : _isBurst ? random.NextDouble() >= leaves
                : random.NextDouble() < enters;
            return _isBurst;
        }
    }
}
