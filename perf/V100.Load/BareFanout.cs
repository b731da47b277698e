using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection;
using V100.Net;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>What a bare loop took.</summary>
/// <param name="UsPerPacket">Processor time of its process, for each packet that it sent.</param>
/// <param name="Latency">From the publisher's stamp to the subscribers' turn.</param>
/// <param name="Lost">Packets.</param>
internal sealed record BareFanoutResult(double UsPerPacket, LatencyHistogram Latency, long Lost);

/// <summary>
/// The floor of a server that forwards: a process that receives a packet and sends the same bytes to so many addresses (recvmmsg, sendmmsg), with
/// no encryption, no header and no session, loaded at the same rate over the same path. Its latency is also what the clients' side adds to every server's.
/// </summary>
internal static class BareFanout
{
    public const string Mode = "bare-fanout";
    private static readonly TimeSpan _drain = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(1);

    /// <summary>The process: it is given the addresses' network, their port and number, and says its own port. It ends with its input.</summary>
    public static int Run(string[] arguments)
    {
        int count = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        ushort port = ushort.Parse(arguments[1], CultureInfo.InvariantCulture);
        using var sockets = Open(segments: true);
        using var output = new TransmitBatch(sockets);
        using Poller poller = Poller.Create(sockets.Backend);
        TransportAddress[] subscribers = [.. Enumerable.Range(0, count).Select(index => TransportAddress.From(ClientDriver.AddressOf(arguments[0], 0, index), port))];
        poller.TryAdd(sockets.Sockets[0]);
        Console.WriteLine(sockets.Port.ToString(CultureInfo.InvariantCulture));
        bool ended = false;
        new Thread(() =>
        {
            Console.In.ReadToEnd();
            Volatile.Write(ref ended, true);
        }) { IsBackground = true }.Start();
        while (!Volatile.Read(ref ended))
        {
            Instant now = MonotonicClock.Now;
            if (poller.Wait(now, now + _longestWait) > 0)
            {
                Forward(sockets.Sockets[0], subscribers, output);
            }
        }

        return 0;
    }

    private static void Forward(UdpSocket socket, TransportAddress[] subscribers, TransmitBatch output)
    {
        while (socket.Receive())
        {
            while (socket.TryRead(out Datagram datagram))
            {
                foreach (ref readonly TransportAddress subscriber in subscribers.AsSpan())
                {
                    datagram.Bytes.CopyTo(output.Reserve(in subscriber, datagram.Local, datagram.Bytes.Length));
                    output.Commit(datagram.Bytes.Length);
                }
            }

            output.Flush();
            if (!socket.MayHaveMore)
            {
                return;
            }
        }
    }

    /// <summary>Loads one, at the same rate as a call.</summary>
    /// <param name="network">The clients'.</param>
    /// <param name="server">Where it is reached.</param>
    /// <param name="core">The one that it runs on.</param>
    /// <param name="subscribers">How many each packet goes to.</param>
    /// <param name="rate">Packets per second.</param>
    /// <param name="size">Of a packet, as it is on the wire.</param>
    /// <param name="duration">How long.</param>
    public static BareFanoutResult Measure(string network, IPAddress server, int core, int subscribers, int rate, int size, TimeSpan duration)
    {
        using var sockets = Open(segments: false);
        using var output = new TransmitBatch(sockets);
        using Poller poller = Poller.Create(sockets.Backend);
        poller.TryAdd(sockets.Sockets[0]);
        using Process process = Start(network, sockets.Port, core, subscribers);
        try
        {
            var address = TransportAddress.From(server, ushort.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture));
            var publisher = TransportAddress.From(ClientDriver.AddressOf(network, 0, subscribers), sockets.Port);
            var latency = new LatencyHistogram();
            ServerFigures before = ServerFigures.Read(process.Id);
            Instant began = MonotonicClock.Now;
            long wanted = (long)(duration.TotalSeconds * rate);
            long sent = 0;
            for (Instant now = began; now < began + duration + _drain; now = MonotonicClock.Now)
            {
                for (; sent < wanted && began + TimeSpan.FromSeconds((double)sent / rate) <= now; sent++)
                {
                    Span<byte> packet = output.Reserve(in address, in publisher, size);
                    BinaryPrimitives.WriteInt64BigEndian(packet, MonotonicClock.Now.Nanoseconds);
                    output.Commit(size);
                }

                output.Flush();
                Instant next = sent < wanted ? began + TimeSpan.FromSeconds((double)sent / rate) : began + duration + _drain;
                if (poller.Wait(now, next) > 0)
                {
                    Receive(sockets.Sockets[0], latency);
                }
            }

            double seconds = ServerFigures.Read(process.Id).ProcessorSeconds - before.ProcessorSeconds;
            return new BareFanoutResult(1e6 * seconds / (wanted * subscribers), latency, wanted * subscribers - latency.Count);
        }
        finally
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(TimeSpan.FromSeconds(3)))
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }

    private static void Receive(UdpSocket socket, LatencyHistogram latency)
    {
        while (socket.Receive())
        {
            long now = MonotonicClock.Now.Nanoseconds;
            while (socket.TryRead(out Datagram datagram))
            {
                latency.Add(now - BinaryPrimitives.ReadInt64BigEndian(datagram.Bytes));
            }

            if (!socket.MayHaveMore)
            {
                return;
            }
        }
    }

    private static UdpSocketSet Open(bool segments) => new(
        new UdpOptions { Addresses = [IPAddress.Any], Coalescing = false, Segmentation = segments, BufferBytes = 64 << 20 }, new CounterBlock<SocketCounter>());

    private static Process Start(string network, ushort port, int core, int subscribers)
    {
        string program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetExecutingAssembly().Location] : [program];
        string[] arguments =
        [
            "-c", core.ToString(CultureInfo.InvariantCulture), .. self, Mode, network, port.ToString(CultureInfo.InvariantCulture), subscribers.ToString(CultureInfo.InvariantCulture),
        ];
        return Process.Start(new ProcessStartInfo("taskset", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new LoadFailedException("cannot start the bare loop");
    }
}
