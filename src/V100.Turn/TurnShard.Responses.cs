using System.Diagnostics;
using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>The one place that answers are made: with a challenge before the authentication, sealed after it.</summary>
public sealed partial class TurnShard
{
    private TurnRoute RespondUnauthenticated(in StunReader message, in ClientFlow flow, Span<byte> response, StunErrorCode code, Instant now)
    {
        TurnSettings settings = Server.Settings;
        if (flow.IsSpoofable && !_limiter.TryAnswer(flow.Client, settings, now))
        {
            return Drop(TurnCounter.SilencedByLimiter);
        }

        Counters.Increment(CounterOf(code));
        StunWriter writer = StunWriter.Answer(response, message, StunClass.Error);
        writer.WriteErrorCode(code);
        if (code != StunErrorCode.BadRequest)
        {
            // RFC 8489, 9.2.4: 401 and 438 carry all that the next attempt needs; a 400 does not.
            TurnCredentials credentials = settings.Credentials;
            Span<byte> nonce = stackalloc byte[TurnNonces.Length];
            Server.Nonces.Write(flow, credentials.OffersAnonymity, nonce, now);
            writer.Write(StunAttributeType.Realm, credentials.Realm);
            writer.Write(StunAttributeType.Nonce, nonce);
            writer.Write(StunAttributeType.PasswordAlgorithms, PasswordAlgorithms.Offer);
        }

        return Finish(ref writer, message, flow);
    }

    /// <summary>An error after the authentication: sealed, or its client would drop it (RFC 8489, 9.2.5).</summary>
    private TurnRoute RespondError(in StunReader message, in Request request, StunErrorCode code)
    {
        Counters.Increment(CounterOf(code));
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Error);
        writer.WriteErrorCode(code);
        return Finish(ref writer, message, request);
    }

    /// <summary>420 with what the reader did not know, or with a known attribute that is not served here.</summary>
    private TurnRoute RespondUnknown(in StunReader message, in Request request, StunAttributeType refused)
    {
        Counters.Increment(TurnCounter.RejectedUnknownAttribute);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Error);
        writer.WriteErrorCode(StunErrorCode.UnknownAttribute);
        writer.WriteUnknownAttributes(message.UnknownRequired, refused);
        return Finish(ref writer, message, request);
    }

    private static TurnRoute Finish(ref StunWriter writer, in StunReader message, in Request request)
    {
        WriteIntegrity(ref writer, request.Proof);
        return Finish(ref writer, message, request.Flow);
    }

    private static TurnRoute Finish(ref StunWriter writer, in StunReader message, in ClientFlow flow)
    {
        if (message.Has(StunAttributeType.Fingerprint))
        {
            // RFC 8489, 7: whoever sends the fingerprint tells protocols apart by it.
            writer.WriteFingerprint();
        }

        int length = writer.Finish();
        Debug.Assert(length > 0);
        return TurnRoute.Respond(flow, length);
    }

    // RFC 8489, 9.2.4, last paragraph: which integrity depends on whether the request named a password algorithm.
    private static void WriteIntegrity(ref StunWriter writer, in Proof proof)
    {
        if (proof.SealsWithSha256)
        {
            writer.WriteIntegrity(proof.Key.Sha256);
        }
        else
        {
            writer.WriteIntegrity(proof.Key.Sha1);
        }
    }

    private static TurnCounter CounterOf(StunErrorCode code) => code switch
    {
        StunErrorCode.TryAlternate => TurnCounter.RejectedTryAlternate,
        StunErrorCode.Unauthenticated => TurnCounter.RejectedUnauthenticated,
        StunErrorCode.Forbidden => TurnCounter.RejectedForbidden,
        StunErrorCode.MobilityForbidden => TurnCounter.RejectedMobilityForbidden,
        StunErrorCode.AllocationMismatch => TurnCounter.RejectedAllocationMismatch,
        StunErrorCode.StaleNonce => TurnCounter.RejectedStaleNonce,
        StunErrorCode.AddressFamilyNotSupported => TurnCounter.RejectedAddressFamily,
        StunErrorCode.WrongCredentials => TurnCounter.RejectedWrongCredentials,
        StunErrorCode.UnsupportedTransportProtocol => TurnCounter.RejectedTransport,
        StunErrorCode.PeerAddressFamilyMismatch => TurnCounter.RejectedPeerAddressFamily,
        StunErrorCode.ConnectionAlreadyExists => TurnCounter.RejectedConnectionExists,
        StunErrorCode.AllocationQuotaReached => TurnCounter.RejectedQuota,
        StunErrorCode.InsufficientCapacity => TurnCounter.RejectedCapacity,
        _ => TurnCounter.RejectedBadRequest,
    };
}
