using System.Globalization;
using V100.Net;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

/// <summary>The offers of real clients, and a server that answers them.</summary>
internal static class Offers
{
    public const string Ufrag = "V100ufrag";
    public const string Password = "V100passwordV100passwordV100";

    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Sdp", "Offers");

    public static string LocalFingerprint { get; } = Fingerprint.Format(new byte[32]);

    public static TheoryData<string> Names
    {
        get
        {
            var names = new TheoryData<string>();
            foreach (string name in All)
            {
                names.Add(name);
            }

            return names;
        }
    }

    public static string[] All
    {
        get
        {
            string[] files = Directory.GetFiles(s_folder, "*.sdp");
            Assert.True(files.Length >= 50, $"{files.Length} offers in {s_folder}");
            Array.Sort(files, StringComparer.Ordinal);
            return Array.ConvertAll(files, file => Path.GetFileNameWithoutExtension(file));
        }
    }

    public static string Read(string name) => File.ReadAllText(Path.Combine(s_folder, name + ".sdp"));

    public static string ReadFile(string name) => File.ReadAllText(Path.Combine(s_folder, name));

    public static AnswerParameters Parameters(SessionRole role) => new()
    {
        SessionId = 4711,
        IceUfrag = Ufrag,
        IcePassword = Password,
        Candidates = [TransportAddress.FromIPv4(0x0A4D0901, 3478), Parse("[fd77:9::1]:3478")],
        Fingerprint = LocalFingerprint,
        Role = role,
        AllocateSender = section => new SenderStream(
            1000 + (uint)section.Index, 2000 + (uint)section.Index, "cname", "stream", string.Create(CultureInfo.InvariantCulture, $"track{section.Index}")),
    };

    public static NegotiatedSession Answer(string offer, SessionRole role)
    {
        Assert.True(OfferAnswer.TryAnswer(offer, Parameters(role), out NegotiatedSession? session, out SdpError error), error.Message);
        return session;
    }

    public static SdpError Refuse(string offer, SessionRole role)
    {
        Assert.False(OfferAnswer.TryAnswer(offer, Parameters(role), out _, out SdpError error));
        return error;
    }

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : default;
}
