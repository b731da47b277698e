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
