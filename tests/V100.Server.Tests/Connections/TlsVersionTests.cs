using V100.Net;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>Which versions of TLS are served: a hello of each, as clients of its time sent it.</summary>
public sealed class TlsVersionTests : IDisposable
{
    private const byte Alert = 21;
    private const byte Handshake = 22;
    private const byte Fatal = 2;
    private const byte HandshakeFailure = 40;
    private const byte ProtocolVersion = 70;

    private readonly TestCertificate _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(0x0300, HandshakeFailure)]
    [InlineData(0x0301, ProtocolVersion)]
    [InlineData(0x0302, ProtocolVersion)]
    [InlineData(0x0303, null)]
    public async Task A_hello_below_TLS_1_2_gets_an_alert(int version, byte? alert)
    {
        await using RunningServer server = await RunningServer.StartAsync([.. _files.Arguments, "--V100:Http:Url=https://127.0.0.1:0"]);
        foreach (int port in new[] { new Uri(server.Host.Url).Port, server.Host.TlsPort!.Value, server.Host.TcpPort })
        {
            using StreamClient client = await ConnectAsync(port);
            await client.SendAsync(Hello((ushort)version));
            byte[] record = await client.ReceiveAsync(7);
            if (alert is null)
            {
                Assert.Equal((Handshake, 2), (record[0], record[5])); // A ServerHello.
            }
            else
            {
                Assert.Equal((Alert, Fatal, alert.Value), (record[0], record[5], record[6]));
            }
        }
    }

    /// <summary>RFC 5246, 7.4.1.2: one record with a ClientHello that names this version as its highest.</summary>
    private static byte[] Hello(ushort version)
    {
        byte[] bytes = new byte[256];
        var writer = new SpanWriter(bytes);
        writer.WriteUInt16(version);
        for (int random = 0; random < 32; random++)
        {
            writer.WriteByte((byte)random);
        }

        writer.WriteByte(0); // No session.
        ushort[] suites = [0xC02B, 0xC02F, 0xC009, 0xC013, 0x002F];
        writer.WriteUInt16((ushort)(2 * suites.Length));
        foreach (ushort suite in suites)
        {
            writer.WriteUInt16(suite);
        }

        writer.WriteUInt16(0x0100); // No compression.
        byte[] groups = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23];
        byte[] formats = [0, 11, 0, 2, 1, 0];
        byte[] signatures = [0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 4, 1, 2, 1];
        writer.WriteUInt16((ushort)(groups.Length + formats.Length + signatures.Length));
        writer.Write([.. groups, .. formats, .. signatures]);
        Assert.False(writer.Overflowed);
        byte[] body = bytes[..writer.Position];
        byte[] message = [1, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body];
        return [Handshake, 3, (byte)Math.Min(version & 0xFF, 1), (byte)(message.Length >> 8), (byte)message.Length, .. message];
    }
}
