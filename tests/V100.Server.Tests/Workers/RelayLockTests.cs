using System.Reflection;
using V100.Net;
using V100.Server.Workers;
using V100.Sfu.Peers;
using V100.Simulation.PacketPath;
using V100.Stun;
using V100.Turn;
using Xunit.Abstractions;

namespace V100.Server.Tests.Workers;

/// <summary>
/// What a worker does for a packet, through its relay and back out, waits for no other thread: every method that can be reached from a
/// turn of its loop is read.
/// </summary>
public sealed class RelayLockTests(ITestOutputHelper output)
{
    /// <summary>Who may call what could wait, and why: none of it is called for a packet that is relayed.</summary>
    private static readonly (string Reason, string[] Calls)[] _allowed =
    [
        ("once for each pair of addresses of a media peer",
            ["PeerDirectory.Register calls ConcurrentDictionary`2.set_Item", "PeerDirectory.Unregister calls ConcurrentDictionary`2.TryRemove"]),
        ("once for each allocation, its flow and its relayed address",
            [
                "TurnDirectory.Add calls ConcurrentDictionary`2.set_Item", "TurnDirectory.AddFlow calls ConcurrentDictionary`2.set_Item",
                "TurnDirectory.AddRelay calls ConcurrentDictionary`2.set_Item", "TurnDirectory.Remove calls ConcurrentDictionary`2.TryRemove",
                "TurnDirectory.Remove calls ConcurrentQueue`1.Enqueue",
                "TurnDirectory.RemoveFlow calls ConcurrentDictionary`2.TryRemove", "TurnDirectory.RemoveRelay calls ConcurrentDictionary`2.TryRemove",
                "TurnQuotas.Charge calls ConcurrentDictionary`2.GetOrAdd", "TurnQuotas.CloseIfEmpty calls ConcurrentDictionary`2.TryRemove",
            ]),
        ("once for each EVEN-PORT that reserves, and each RESERVATION-TOKEN",
            ["PortReservations.TryAdd calls ConcurrentDictionary`2.TryAdd", "PortReservations.TryTake calls ConcurrentDictionary`2.TryRemove"]),
        ("once for each event of a session; a full channel is not waited for", ["WorkerDriver.ReportEvents calls ChannelWriter`1.TryWrite"]),
        ("an answer to the control API", ["AwaitableReport.Complete calls TaskCompletionSource.TrySetResult"]),
        ("a TCP relay (RFC 6062) begins or ends, and its sockets belong to the thread pool",
            [
                "<>c.<Cancel>b__31_0 calls CancellationTokenSource.Cancel", "TcpRelays.Cancel calls ThreadPool.UnsafeQueueUserWorkItem",
                "TcpRelays.Carry calls CancellationTokenSource..ctor", "TcpRelays.Dispose calls CancellationTokenSource.Cancel",
                "TcpRelays.HandleConnected calls CancellationTokenSource.Dispose", "PeerListener..ctor calls CancellationTokenSource..ctor",
                "PeerListener..ctor calls SemaphoreSlim..ctor", "PeerListener.Dispose calls CancellationTokenSource.Cancel",
                "PeerListener.Dispose calls CancellationTokenSource.get_IsCancellationRequested", "Splice..ctor calls Task.get_CompletedTask",
                "ClientConnection.TakeOver calls PipeReader.CancelPendingRead", "ClientConnection.TakeOver calls Task.FromResult",
                "ClientConnection.TakeOver calls TaskCompletionSource`1..ctor", "ClientConnection.TakeOver calls TaskCompletionSource`1.TrySetResult",
                "ClientConnection.TakeOver calls TaskCompletionSource`1.get_Task",
            ]),
        ("a client's connection is handed to the thread pool, whose queue takes no lock: when its writer rests, when it ends, when its inbox was full",
            [
                "ClientConnection.StartWriting calls ThreadPool.UnsafeQueueUserWorkItem", "ClientConnection.Close calls ThreadPool.UnsafeQueueUserWorkItem",
                "ClientConnection.Release calls TaskCompletionSource.TrySetResult", "ConnectionInbox.WakeWaiters calls TaskCompletionSource.TrySetResult",
            ]),
        ("a block of a client's connection goes back into a ring that has gone all around while another thread was between two of its instructions",
            ["BlockPool.Enqueue calls SpinWait.SpinOnce"]),
        ("a socket that cannot be opened", ["Libc.Failure calls IOException..ctor", "UdpSocketPortable..ctor calls IOException..ctor"]),
        ("the end of the process, reached by the name of Dispose alone",
            [
                "ConsoleLog.Dispose calls Monitor.Enter", "ConsoleLog.Dispose calls Monitor.PulseAll", "ConsoleLog.Dispose calls Monitor.Exit", "ConsoleLog.Dispose calls Thread.Join",
                "RequestLimits.Dispose calls PartitionedRateLimiter`1.Dispose", "ServerLifetime.Dispose calls CancellationTokenSource.Dispose", "UdpWorker.Join calls Thread.Join",
            ]),
    ];

    [Fact]
    public void What_a_worker_does_for_a_packet_takes_no_lock()
    {
        var graph = new CallGraph(
            typeof(WorkerDriver).Assembly, typeof(TurnShard).Assembly, typeof(SfuShard).Assembly, typeof(BindingServer).Assembly, typeof(TransmitBatch).Assembly);
        graph.Walk(
        [
            .. CallGraph.MethodsOf(typeof(UdpWorker), "RunTurn"),
            .. CallGraph.MethodsOf(
                typeof(WorkerDriver),
                nameof(WorkerDriver.HandleDatagram), nameof(WorkerDriver.EndReceive), nameof(WorkerDriver.HandlePathError), nameof(WorkerDriver.HandleMessages),
                nameof(WorkerDriver.HandleDeadline), nameof(WorkerDriver.EndTurn), "get_NextDeadline", "V100.Net.IPacketTransmitter.Transmit"),
            .. CallGraph.MethodsOf(typeof(TurnDriver), nameof(TurnDriver.HandleMedia), "V100.Turn.IRelaySockets.TryOpen", "V100.Turn.IRelaySockets.Close"),
        ]);

        // The walk has seen what it is about.
        foreach (MethodBase expected in (MethodBase[])
            [
                .. CallGraph.MethodsOf(typeof(TurnDriver), "HandlePeerDatagram", "HandleChannelData", "Carry", "SendToPeer", "SendToClient"),
                .. CallGraph.MethodsOf(typeof(TurnShard), nameof(TurnShard.HandlePeerDatagram), nameof(TurnShard.HandleChannelData), "TryAuthenticate"),
                .. CallGraph.MethodsOf(typeof(TransmitBatch), nameof(TransmitBatch.Flush)),
            ])
        {
            Assert.Contains(expected, graph.Reached);
        }

        output.WriteLine($"{graph.Reached.Count} methods reached, {graph.External.Count} calls that leave the project");
        Assert.True(graph.Reached.Count > 500);
        string[] found = [.. WaitingCalls.Of(graph)];
        string[] allowed = [.. _allowed.SelectMany(entry => entry.Calls)];
        Assert.Empty(found.Except(allowed));
        Assert.Empty(allowed.Except(found));
    }
}
