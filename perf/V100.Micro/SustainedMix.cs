using System.Diagnostics;
using V100.Net;
using V100.Net.Native;
using V100.Reporting;
using V100.Stun;

namespace V100.Micro;

/// <summary>
/// What a server does beside media, on all cores at once and without pause: a third each of Binding requests of 100 bytes parsed, validated and
/// answered; TURN credentials validated; and ticks of a room taken by one listener. Each thread has its own users, room and listeners, as each
/// worker has. The packets are neither received nor sent.
/// </summary>
internal sealed class SustainedMix
{
    public const string Group = "Sustained";
    public const string Name = "mix on all cores: a third each Binding request answered, TURN credential validated, tick delivered";
    public const string FullName = $"{Group}: {Name}";
    private const int Requests = 64;
    private const int RunInTurns = 1000;

    private static readonly TimeSpan _sample = TimeSpan.FromSeconds(1);

    private readonly Turner[] _turners = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Turner())];

    /// <summary>Two rows: by the clock, and by the processor time that the machine gave.</summary>
    /// <param name="seconds">How long; a sample each second.</param>
    public ReportRow[] Measure(int seconds)
    {
        Thread[] threads = [.. _turners.Select(turner => new Thread(turner.Run) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        var byClock = new List<double>();
        var byProcessor = new List<double>();

        // The first second is for caches and clocks.
        (long Operations, long Wall, long Processor) before = default;
        for (int second = 0; second <= seconds; second++)
        {
            // The threads that are measured work meanwhile: this is how long a sample is, not a wait for something.
            Thread.Sleep(_sample);
            (long Operations, long Wall, long Processor) now = (_turners.Sum(turner => turner.Operations), Stopwatch.GetTimestamp(), Libc.ProcessProcessorNanoseconds(Environment.ProcessId));
            if (second > 0)
            {
                double operations = now.Operations - before.Operations;
                byClock.Add(operations / Stopwatch.GetElapsedTime(before.Wall, now.Wall).TotalSeconds);
                byProcessor.Add(operations * 1e9 * _turners.Length / (now.Processor - before.Processor));
            }

            before = now;
        }

        Array.ForEach(_turners, turner => turner.Stop());
        Array.ForEach(threads, thread => thread.Join());
        double allocated = (double)_turners.Sum(turner => turner.AllocatedBytes) / _turners.Sum(turner => turner.Operations);
        var row = new ReportRow { Group = Group, Name = Name, Unit = "ops/s", Samples = byClock, AllocatedBytes = allocated, Targets = Goals.Of(FullName) };
        return [row, row with { Name = $"{Name}; for each second of processor time, times the cores", Samples = byProcessor, Targets = [] }];
    }

    /// <summary>Managed bytes of a thousand rounds of one thread, once it has run in.</summary>
    public static long CountAllocated()
    {
        var turner = new Turner();
        for (int turn = 0; turn < RunInTurns; turn++)
        {
            turner.Turn();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int turn = 0; turn < 1000; turn++)
        {
            turner.Turn();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>One thread's work.</summary>
    private sealed class Turner
    {
        private readonly byte[][] _requests = [.. Enumerable.Range(0, Requests).Select(_ => StunCases.Check())];
        private readonly TurnUsers _users = new(Requests, sha256: false);
        private readonly TickingRoom _room = new();
        private readonly byte[] _response = new byte[BindingServer.MaxResponseLength];
        private readonly TransportAddress _client = TransportAddress.FromIPv4(0xC000_0201, 50_000);
        private bool _stopped;
        private long _operations;

        public long Operations => Volatile.Read(ref _operations);

        public long AllocatedBytes { get; private set; }

        public void Stop() => Volatile.Write(ref _stopped, true);

        public void Run()
        {
            // Tables and logs grow to what they stay.
            for (int turn = 0; turn < RunInTurns; turn++)
            {
                Turn();
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            while (!Volatile.Read(ref _stopped))
            {
                Turn();
            }

            AllocatedBytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        /// <summary>Something happens in the room, and each of its listeners gets it; beside each delivery one operation of both other kinds.</summary>
        public void Turn()
        {
            _room.Change();
            _room.Tick();
            int done = 0;
            for (int index = 0; index < TickingRoom.Listeners; index++)
            {
                int place = index & Requests - 1;
                done += BindingServer.Respond(new Datagram(_requests[place], _client, default), _response) > 0 ? 1 : 0;
                done += _users.Proves(place) ? 1 : 0;
                done += _room.Take(index);
            }

            Premise.Holds(done == 3 * TickingRoom.Listeners);
            Volatile.Write(ref _operations, _operations + done);
        }
    }
}
