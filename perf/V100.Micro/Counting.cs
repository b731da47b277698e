using System.Globalization;
using System.Runtime.CompilerServices;
using V100.Net;
using V100.Net.Crypto;
using V100.Reporting;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;

namespace V100.Micro;

/// <summary>
/// The hottest functions, run a known number of times between marks, for a counter of instructions: valgrind's callgrind, told to dump before each
/// <see cref="Mark"/>. What an operation costs is the difference of N and 2N of them, so that whatever else runs between two marks cancels.
/// </summary>
internal static class Counting
{
    private const int Operations = 32;
    private const int Subscribers = 10;
    private const int PacketLength = 1200;

    private static long _marks;

    private static readonly string[] _hottest =
    [
        "STUN: parse a 100-byte ICE check", "STUN: ICE check handled whole", "SRTP: AES-128-GCM protect 1200 B", "SRTP: AES-128-GCM unprotect 1200 B",
    ];

    /// <summary>Each with a subject and a reference.</summary>
    private static IEnumerable<Case> Cases =>
    [
        .. _hottest.Select(name => Suite.Cases.Single(what => what.FullName == name)),
        new("Forward", "1,200 B to 10 subscribers, all but the send", Forward),
    ];

    /// <summary>
    /// Prints a line for each span between marks that counts, in their order: the case's name, "subject" or "reference", and how many things the span
    /// handled, separated by tabs. The spans that begin with an odd mark are those; the last line tells how many marks there were.
    /// </summary>
    public static int Run()
    {
        foreach (Case what in Cases)
        {
            using Pairing pairing = what.Create();
            Span(what, "subject", pairing.Subject, pairing.Items);
            Span(what, "reference", pairing.Floor!, pairing.Items);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"marks\t{_marks}"));
        return 0;
    }

    /// <summary>Where nothing counts: prints for each case its name and the nanoseconds of one operation of subject and of reference.</summary>
    public static int Time()
    {
        var measure = new Interleaving(rounds: 31, sliceNanoseconds: 1_000_000);
        foreach (Case what in Cases)
        {
            ReportRow row = measure.Measure(what);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.FullName}\t{row.Value.Median}\t{row.Reference!.Median}"));
        }

        return 0;
    }

    private static void Span(Case what, string side, Workload workload, int items)
    {
        // Runs it in: what is done once is done.
        workload.Time(Operations);
        foreach (int operations in (int[])[Operations, 2 * Operations])
        {
            Premise.Holds(operations <= workload.MaxCount);
            workload.Prepare?.Invoke(operations);
            Mark();
            workload.Run(operations);
            Mark();
            workload.Settle?.Invoke(operations);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what.FullName}\t{side}\t{operations * items}"));
        }
    }

    /// <summary>A counter knows it by its name.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Mark() => _marks++;

    /// <summary>A received packet's whole way to ten subscribers, but for the system calls.</summary>
    private static Pairing Forward()
    {
        TransportAddress[] addresses = [.. Enumerable.Range(0, Subscribers).Select(index => TransportAddress.FromIPv4(0x7F4D_0000 + (uint)index, 40_000))];
        var call = new LocalCall(TransportAddress.FromIPv4(0x7F00_0001, 3478), addresses);
        var publication = new Publication(call, PacketLength);
        call.Wire = new Discarding();
        var floor = new BareCipher(SrtpProfile.AeadAes128Gcm);
        byte[] target = new byte[PacketLength + SrtpSender.MaxOverhead];
        byte[] payload = new byte[PacketLength - RtpHeader.FixedLength];
        return new Pairing
        {
            Items = Subscribers,
            Owned = [call, floor],
            Subject = publication.Forwarding(1, 2 * Operations),
            FloorName = floor.Name + ", once for each",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < Subscribers * operations; index++)
                {
                    floor.Seal(target, RtpHeader.FixedLength, payload);
                }
            }),
        };
    }
}
