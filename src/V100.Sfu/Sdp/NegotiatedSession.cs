using System.Diagnostics.CodeAnalysis;
using V100.Net.Crypto;

namespace V100.Sfu.Sdp;

/// <summary>What offer and answer agreed on. Read-only, but for the answer's text, which goes when it has served.</summary>
public sealed class NegotiatedSession
{
    private const sbyte None = -1;
    private const sbyte Ambiguous = -2;

    private readonly sbyte[] _receivedByPayloadType = new sbyte[128];

    internal NegotiatedSession(MediaSection[] sections)
    {
        Sections = sections;
        _receivedByPayloadType.AsSpan().Fill(None);
        bool[] conflicting = new bool[256];
        foreach (MediaSection section in sections)
        {
            if (section.IsReceived)
            {
                ReceivedExtensions.Merge(section.ReceivedExtensions, conflicting);
                foreach (NegotiatedCodec codec in section.Codecs)
                {
                    Mark(codec.PayloadType, section.Index);
                    Mark(codec.RtxPayloadType, section.Index);
                }
            }
        }
    }

    /// <summary>The answer, with CRLF line ends.</summary>
    public string AnswerText { get; internal set; } = "";

    /// <summary>The client's ICE credentials, of the section that carries the transport.</summary>
    public required string RemoteIceUfrag { get; init; }
    public required string RemoteIcePassword { get; init; }

    /// <summary>The SHA-256 digest that the client's certificate must have: 32 bytes.</summary>
    public required byte[] RemoteFingerprint { get; init; }

    /// <summary>This server's role.</summary>
    public required DtlsRole DtlsRole { get; init; }

    /// <summary>The section whose transport all others use (RFC 8843, 7.3.1).</summary>
    public required MediaSection TransportSection { get; init; }

    /// <summary>Whether the answer has a BUNDLE group.</summary>
    public required bool IsBundled { get; init; }

    /// <summary>One for each section of the offer, in its order.</summary>
    public MediaSection[] Sections { get; }

    /// <summary>
    /// The extensions of all received sections in one map, for packets whose section is not known yet: the mid above all.
    /// Identifiers that mean different things in different sections are absent.
    /// </summary>
    public NegotiatedExtensions ReceivedExtensions { get; } = new();

    /// <summary>RFC 8843, 9.2: the section of a packet whose header extension carries this mid.</summary>
    public bool TryFindByMid(ReadOnlySpan<byte> mid, [NotNullWhen(true)] out MediaSection? section)
    {
        foreach (MediaSection candidate in Sections)
        {
            if (mid.SequenceEqual(candidate.MidUtf8) && !candidate.IsRejected)
            {
                section = candidate;
                return true;
            }
        }

        section = null;
        return false;
    }

    /// <summary>The received section that announced the SSRC.</summary>
    public bool TryFindBySsrc(uint ssrc, [NotNullWhen(true)] out MediaSection? section, out RemoteStream stream)
    {
        foreach (MediaSection candidate in Sections)
        {
            if (!candidate.IsReceived)
            {
                continue;
            }

            foreach (RemoteStream announced in candidate.RemoteStreams)
            {
                if (announced.Ssrc == ssrc || (announced.RtxSsrc == ssrc && ssrc != 0))
                {
                    section = candidate;
                    stream = announced;
                    return true;
                }
            }
        }

        section = null;
        stream = default;
        return false;
    }

    /// <summary>RFC 8843, 9.2: the one received section that has the payload type; false where two have it.</summary>
    public bool TryFindByPayloadType(byte payloadType, [NotNullWhen(true)] out MediaSection? section)
    {
        int index = payloadType < _receivedByPayloadType.Length ? _receivedByPayloadType[payloadType] : None;
        section = index >= 0 ? Sections[index] : null;
        return section is not null;
    }

    private void Mark(int payloadType, int index)
    {
        if (payloadType >= 0)
        {
            _receivedByPayloadType[payloadType] = _receivedByPayloadType[payloadType] == None ? (sbyte)index : Ambiguous;
        }
    }
}
