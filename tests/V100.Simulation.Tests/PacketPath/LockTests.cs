using System.Collections.Concurrent;
using System.Reflection;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Srtp;
using V100.Stun;
using Xunit.Abstractions;

namespace V100.Simulation.PacketPath;

/// <summary>
/// Nothing that a packet can reach waits for another thread. Counters of contention do not show a lock that is free, so the code itself
/// is read: every method reachable from a worker's turn, and every call of it that leaves the project.
/// </summary>
public sealed class LockTests(ITestOutputHelper output)
{
    /// <summary>Who may call what could wait, and why.</summary>
    private static readonly (string Caller, string Callee, string Reason)[] _allowed =
    [
        ("PeerDirectory.Register", "ConcurrentDictionary`2.set_Item", "once for each new pair of addresses, not for each check"),
        ("PeerDirectory.Unregister", "ConcurrentDictionary`2.TryRemove", "once for each pair that ends"),
    ];

    [Fact]
    public void What_a_worker_does_for_a_packet_takes_no_lock()
    {
        var graph = new CallGraph(typeof(SfuShard).Assembly, typeof(BindingServer).Assembly, typeof(TransmitBatch).Assembly);
        graph.Walk(
        [
            .. CallGraph.MethodsOf(
                typeof(SfuShard),
                nameof(SfuShard.HandleDatagram), nameof(SfuShard.HandleCheck), nameof(SfuShard.HandleMessages), nameof(SfuShard.HandleDeadline),
                nameof(SfuShard.HandleCommand), nameof(SfuShard.TakeWakeups), nameof(SfuShard.TryPollEvent), "get_NextDeadline"),
            .. CallGraph.MethodsOf(typeof(BindingServer), nameof(BindingServer.Respond)),
            .. CallGraph.MethodsOf(typeof(TransmitBatch), nameof(TransmitBatch.Flush)),
            .. CallGraph.MethodsOf(typeof(UdpSocketLinux), nameof(UdpSocket.Receive), nameof(UdpSocket.TryRead), nameof(UdpSocket.Send)),
        ]);

        // The walk has seen what it is about.
        foreach (MethodBase expected in (MethodBase[])
            [
                .. CallGraph.MethodsOf(typeof(Subscription), nameof(Subscription.Forward), nameof(Subscription.Retransmit)),
                .. CallGraph.MethodsOf(typeof(SrtpSender), nameof(SrtpSender.ProtectRtp), nameof(SrtpSender.ProtectRtcp)),
                .. CallGraph.MethodsOf(typeof(AesGcmCipher), "Encrypt"),
                .. CallGraph.MethodsOf(typeof(PacketPool), nameof(PacketPool.TryRent)),
            ])
        {
            Assert.Contains(expected, graph.Reached);
        }

        output.WriteLine($"{graph.Reached.Count} methods reached, {graph.External.Count} calls that leave the project");
        Assert.True(graph.Reached.Count > 500);
        Assert.DoesNotContain(graph.Reached, method => method.DeclaringType == typeof(RoomDirectory));
        string[] found = [.. WaitingCalls.Of(graph)];
        string[] allowed = [.. _allowed.Select(entry => $"{entry.Caller} calls {entry.Callee}")];
        Assert.Equal(allowed.Order(), found.Order());
    }

    [Theory]
    [InlineData(nameof(Specimens.ByStatement), "Monitor.Enter")]
    [InlineData(nameof(Specimens.ByLock), "Lock.EnterScope")]
    [InlineData(nameof(Specimens.BySemaphore), "SemaphoreSlim.Wait")]
    [InlineData(nameof(Specimens.ByDictionary), "ConcurrentDictionary`2.TryAdd")]
    [InlineData(nameof(Specimens.ByInterface), "Monitor.Enter")]
    [InlineData(nameof(Specimens.ByDelegate), "Monitor.Enter")]
    [InlineData(nameof(Specimens.ByGeneric), "Monitor.Enter")]
    [InlineData(nameof(Specimens.BySynchronized), "synchronized")]
    [InlineData(nameof(Specimens.ByReading), null)]
    public void A_lock_would_be_found(string specimen, string? found)
    {
        var graph = new CallGraph(typeof(LockTests).Assembly);
        graph.Walk(CallGraph.MethodsOf(typeof(Specimens), specimen));
        string[] waiting = [.. WaitingCalls.Of(graph)];
        if (found is null)
        {
            Assert.Empty(waiting);
        }
        else
        {
            Assert.Contains(waiting, line => line.Contains(found, StringComparison.Ordinal));
        }
    }

    /// <summary>Ways to wait, and one not to.</summary>
    private static class Specimens
    {
        private static readonly object _monitor = new();
        private static readonly Lock _lock = new();
        private static readonly SemaphoreSlim _semaphore = new(1);
        private static readonly ConcurrentDictionary<int, int> _dictionary = new();
        private static readonly IWaits[] _waits = [new WaitsNot(), new Waits<int>()];

        public static int ByStatement()
        {
            lock (_monitor)
            {
                return 1;
            }
        }

        public static int ByLock()
        {
            lock (_lock)
            {
                return 1;
            }
        }

        public static void BySemaphore() => _semaphore.Wait();

        public static bool ByDictionary() => _dictionary.TryAdd(1, 1);

        public static int ByInterface() => _waits[0].Wait();

        public static int ByDelegate() => new Func<int>(ByStatement)();

        public static int ByGeneric() => Waits<long>.Waiting<string>();

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.Synchronized)]
        public static int BySynchronized() => 1;

        public static bool ByReading() => _dictionary.TryGetValue(1, out _);
    }

    private interface IWaits
    {
        int Wait();
    }

    private sealed class WaitsNot : IWaits
    {
        public int Wait() => 1;
    }

    private sealed class Waits<T> : IWaits
    {
        public int Wait() => Waiting<T>();

        public static int Waiting<TOther>() => Specimens.ByStatement() + (typeof(TOther) == typeof(T) ? 1 : 0);
    }
}
