using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>A peer that sends back whatever comes, as turnutils_peer does, on two ports one behind the other: the second is that of RTCP.</summary>
internal sealed class EchoPeer : IDisposable
{
    private readonly Socket[] _sockets;

    private EchoPeer(Socket[] sockets)
    {
        _sockets = sockets;
        Port = ((IPEndPoint)sockets[0].LocalEndPoint!).Port;
        foreach (Socket socket in sockets)
        {
            _ = EchoAsync(socket);
        }
    }

    public int Port { get; }

    public static EchoPeer Start(string address)
    {
        IPAddress at = IPAddress.Parse(address);
        for (int attempt = 0; attempt < 100; attempt++)
        {
            Socket first = new(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            first.Bind(new IPEndPoint(at, 0));
            int port = ((IPEndPoint)first.LocalEndPoint!).Port;
            Socket second = new(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                second.Bind(new IPEndPoint(at, port + 1));
                return new EchoPeer([first, second]);
            }
            catch (Exception taken) when (taken is SocketException or ArgumentOutOfRangeException)
            {
                first.Dispose();
                second.Dispose();
            }
        }

        throw new InvalidOperationException("no two neighbouring ports are free");
    }

    public void Dispose()
    {
        foreach (Socket socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        byte[] buffer = new byte[65_536];
        EndPoint any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, any);
                await socket.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint);
            }
        }
        catch (Exception ended) when (ended is ObjectDisposedException or SocketException)
        {
        }
    }
}
