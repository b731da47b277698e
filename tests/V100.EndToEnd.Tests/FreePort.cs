using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>A port that is free over TCP and UDP, for listeners whose number a test must know before.</summary>
internal static class FreePort
{
    public static int Find()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            using Socket tcp = Open(SocketType.Stream, ProtocolType.Tcp, 0);
            int port = ((IPEndPoint)tcp.LocalEndPoint!).Port;
            try
            {
                using Socket udp = Open(SocketType.Dgram, ProtocolType.Udp, port);
                return port;
            }
            catch (SocketException)
            {
                // Another one has it over UDP.
            }
        }

        throw new InvalidOperationException("no port is free over both TCP and UDP");
    }

    /// <summary>An even port and its successor, both free on loopback, above those that the system gives to other programs of this machine.</summary>
    public static int FindRelayPair()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            int port = 2 * Random.Shared.Next(61_000 / 2, 65_534 / 2);
            if (IsFree(new IPEndPoint(IPAddress.Loopback, port)) && IsFree(new IPEndPoint(IPAddress.Loopback, port + 1)))
            {
                return port;
            }
        }

        throw new InvalidOperationException("no pair of ports is free");
    }

    /// <summary>Whether nobody has this address over UDP.</summary>
    public static bool IsFree(IPEndPoint at)
    {
        using Socket socket = new(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(at);
            return true;
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    private static Socket Open(SocketType type, ProtocolType protocol, int port)
    {
        Socket socket = new(AddressFamily.InterNetworkV6, type, protocol) { DualMode = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }
}
