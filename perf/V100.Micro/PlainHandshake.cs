using V100.Micro.Native;
using V100.Net.Crypto;
using V100.Net.Native;

namespace V100.Micro;

/// <summary>
/// The handshake that the server makes, by OpenSSL's own functions and no code of ours between them: DTLS 1.2, both sides with a P-256
/// certificate, the same suite and group, full and without resumption, the SRTP keys taken out. Flights go through memory BIOs, and no
/// certificate is looked at.
/// </summary>
internal sealed class PlainHandshake : IDisposable
{
    private const string Suite = "ECDHE-ECDSA-AES128-GCM-SHA256";
    // The second is the certificates' own; keys are exchanged by the first, as browsers do.
    private const string Groups = "X25519:P-256";
    private const int MaxTurns = 16;

    private static readonly PlainOpenSsl.Verifying _accept = (_, _) => 1;

    private readonly nint _server = MakeContext();
    private readonly nint _client = MakeContext();
    private readonly byte[] _keys = new byte[56];

    /// <summary>One handshake. Returns the nanoseconds of processor time of the server's side.</summary>
    public long Run()
    {
        nint toServer = PlainOpenSsl.BIO_new(PlainOpenSsl.BIO_s_mem());
        nint toClient = PlainOpenSsl.BIO_new(PlainOpenSsl.BIO_s_mem());
        nint client = PlainOpenSsl.SSL_new(_client);
        PlainOpenSsl.SSL_ctrl(client, PlainOpenSsl.ControlSetMtu, 1200, 0);
        Premise.Holds(PlainOpenSsl.BIO_up_ref(toServer) == 1 && PlainOpenSsl.BIO_up_ref(toClient) == 1);
        PlainOpenSsl.SSL_set_bio(client, toClient, toServer);
        PlainOpenSsl.SSL_set_connect_state(client);
        long began = Libc.ThreadProcessorNanoseconds;
        nint server = PlainOpenSsl.SSL_new(_server);
        PlainOpenSsl.SSL_ctrl(server, PlainOpenSsl.ControlSetMtu, 1200, 0);
        PlainOpenSsl.SSL_set_bio(server, toServer, toClient);
        PlainOpenSsl.SSL_set_accept_state(server);
        long nanoseconds = Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
        int clientDone = 0;
        int serverDone = 0;
        for (int turn = 0; turn < MaxTurns && (clientDone != 1 || serverDone != 1); turn++)
        {
            clientDone = PlainOpenSsl.SSL_do_handshake(client);
            began = Libc.ThreadProcessorNanoseconds;
            serverDone = PlainOpenSsl.SSL_do_handshake(server);
            nanoseconds += Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
        }

        Premise.Holds(clientDone == 1 && serverDone == 1, "OpenSSL's own handshake failed.");
        began = Libc.ThreadProcessorNanoseconds;
        Premise.Holds(PlainOpenSsl.SSL_export_keying_material(server, ref _keys[0], 56, "EXTRACTOR-dtls_srtp", 19, 0, 0, 0) == 1);
        PlainOpenSsl.SSL_free(server);
        nanoseconds += Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
        PlainOpenSsl.SSL_free(client);
        return nanoseconds;
    }

    public void Dispose()
    {
        PlainOpenSsl.SSL_CTX_free(_server);
        PlainOpenSsl.SSL_CTX_free(_client);
    }

    private static nint MakeContext()
    {
        DtlsCertificate certificate = DtlsCertificate.Create();
        nint context = PlainOpenSsl.SSL_CTX_new(PlainOpenSsl.DTLS_method());
        Premise.Holds(context != 0);
        Premise.Holds(PlainOpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetMinProtocolVersion, OpenSsl.Dtls12Version, 0) == 1);
        Premise.Holds(PlainOpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetMaxProtocolVersion, OpenSsl.Dtls12Version, 0) == 1);
        PlainOpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetSessionCacheMode, 0, 0);
        PlainOpenSsl.SSL_CTX_set_options(context, OpenSsl.OptionNoTicket | OpenSsl.OptionNoQueryMtu);
        Premise.Holds(PlainOpenSsl.SSL_CTX_set_cipher_list(context, Suite) == 1);
        Premise.Holds(PlainOpenSsl.SSL_CTX_set_groups_list(context, Groups) == 1);
        byte[] der = certificate.CertificateDer.ToArray();
        byte[] key = certificate.KeyDer.ToArray();
        Premise.Holds(PlainOpenSsl.SSL_CTX_use_certificate_ASN1(context, der.Length, ref der[0]) == 1);
        Premise.Holds(PlainOpenSsl.SSL_CTX_use_PrivateKey_ASN1(OpenSsl.KeyTypeEc, context, ref key[0], key.Length) == 1);
        PlainOpenSsl.SSL_CTX_set_verify(context, OpenSsl.VerifyPeer | OpenSsl.VerifyFailIfNoPeerCertificate, 0);
        PlainOpenSsl.SSL_CTX_set_cert_verify_callback(context, PlainOpenSsl.Pointer(_accept), 0);
        Premise.Holds(PlainOpenSsl.SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM") == 0);
        return context;
    }
}
