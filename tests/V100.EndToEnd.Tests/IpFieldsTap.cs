using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Stands between a socket of a test and a UDP address: what goes out leaves with the traffic class and hop limit that the test wants, and of
/// what comes back the tap tells them. Such fields are not to be had from .NET's sockets.
/// </summary>
internal sealed class IpFieldsTap : IAsyncDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(5);

    private readonly Process _process;

    private IpFieldsTap(Process process, IPAddress address, int near, int far)
    {
        _process = process;
        Near = new IPEndPoint(address, near);
        Far = new IPEndPoint(address, far);
    }

    /// <summary>Where the test sends to, in place of the address behind.</summary>
    public IPEndPoint Near { get; }

    /// <summary>Where the address behind sees the test.</summary>
    public IPEndPoint Far { get; }

    public static async Task<IpFieldsTap> StartAsync(IPEndPoint behind, byte trafficClass, byte hopLimit)
    {
        string program = Path.Combine(Repository.Clients, "ip_fields.py");
        string[] arguments = [program, $"{behind.Address}", $"{behind.Port}", $"{trafficClass}", $"{hopLimit}"];
        Process process = Process.Start(new ProcessStartInfo("/usr/bin/python3", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        int[] ports = await ReadAsync(process);
        return new IpFieldsTap(process, behind.Address, ports[0], ports[1]);
    }

    /// <summary>The fields of the next datagram of a length that came back, whatever came before it.</summary>
    public async Task<(int TrafficClass, int HopLimit)> NextOfLengthAsync(int length)
    {
        while (true)
        {
            int[] numbers = await ReadAsync(_process);
            if (numbers[2] == length)
            {
                return (numbers[0], numbers[1]);
            }
        }
    }

    private static async Task<int[]> ReadAsync(Process process)
    {
        using CancellationTokenSource limit = new(_limit);
        string line = await process.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("The tap ended.");
        return [.. line.Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using CancellationTokenSource limit = new(_limit);
        await _process.WaitForExitAsync(limit.Token);
        _process.Dispose();
    }
}
