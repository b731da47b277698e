using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>The long-term credential mechanism (RFC 8489, 9.2.4), whose checks stand in the order that the RFC gives them.</summary>
public sealed partial class TurnShard
{
    /// <summary>Who proved to have sent a request, and how the answer is sealed.</summary>
    internal readonly record struct Proof(CredentialKey Key, bool SealsWithSha256);

    /// <summary>False with the code of the answer: 400, 401 or 438. Leaves nothing behind but the key of a proven user.</summary>
    internal bool TryAuthenticate(in StunReader message, in ClientFlow flow, Allocation? allocation, Instant now, out Proof proof, out StunErrorCode error)
    {
        proof = default;
        error = StunErrorCode.Unauthenticated;
        if (!message.Has(StunAttributeType.MessageIntegrity) && !message.Has(StunAttributeType.MessageIntegritySha256))
        {
            return false;
        }

        bool hasName = message.TryGet(StunAttributeType.Username, out ReadOnlySpan<byte> name);
        bool hasHash = message.TryGet(StunAttributeType.Userhash, out ReadOnlySpan<byte> userhash);
        if ((!hasName && !hasHash)
            || name.Length > TimeLimitedCredentials.MaxUsernameLength
            || !message.TryGet(StunAttributeType.Realm, out ReadOnlySpan<byte> realm)
            || !message.TryGet(StunAttributeType.Nonce, out ReadOnlySpan<byte> nonce))
        {
            error = StunErrorCode.BadRequest;
            return false;
        }

        // A nonce that this client never got ends it here, before any work that a forged source could ask for.
        NonceState nonceState = Server.Nonces.Check(nonce, flow, now);
        if (nonceState == NonceState.Foreign)
        {
            error = StunErrorCode.StaleNonce;
            return false;
        }

        if (!PasswordAlgorithms.TryRead(message, out PasswordAlgorithm algorithm, out bool named))
        {
            error = StunErrorCode.BadRequest;
            return false;
        }

        TurnCredentials credentials = Server.Settings.Credentials;
        if (!realm.SequenceEqual(credentials.Realm)
            || (!hasName && !credentials.TryFindName(userhash, out name))
            || !(TryProve(message, credentials, name, algorithm, out CredentialKey key) || TryProveByAllocation(message, allocation, name, out key))
            || (key.ExpiresUnixSeconds <= Server.UnixSeconds(now) && NeedsTime(message)))
        {
            return false;
        }

        if (nonceState == NonceState.Stale)
        {
            error = StunErrorCode.StaleNonce;
            return false;
        }

        proof = new Proof(key, named);
        return true;
    }

    private bool TryProve(in StunReader message, TurnCredentials credentials, ReadOnlySpan<byte> name, PasswordAlgorithm algorithm, out CredentialKey key)
    {
        bool cached = _credentials.TryFind(credentials, algorithm, name, out key);
        if (cached && Verify(message, key))
        {
            return true;
        }

        // With several secrets, a name has several passwords.
        int candidates = credentials.CandidateCount(name);
        return (!cached || candidates > 1) && TryProveSlow(message, credentials, name, algorithm, candidates, out key);
    }

    private bool TryProveSlow(in StunReader message, TurnCredentials credentials, ReadOnlySpan<byte> name, PasswordAlgorithm algorithm, int candidates, out CredentialKey key)
    {
        for (int i = 0; i < candidates; i++)
        {
            key = credentials.MakeKey(name, algorithm, i);
            Counters.Increment(TurnCounter.CredentialsDerived);
            if (Verify(message, key))
            {
                _credentials.Add(algorithm, key);
                return true;
            }
        }

        key = null!;
        return false;
    }

    /// <summary>
    /// Whoever made the allocation with a secret or a password that a reload has taken away uses and ends it as after the expiry of a
    /// time-limited credential: else a call would end in the middle, and its relay would outlive it.
    /// </summary>
    private static bool TryProveByAllocation(in StunReader message, Allocation? allocation, ReadOnlySpan<byte> name, out CredentialKey key)
    {
        key = allocation?.Key!;
        return allocation is not null && !NeedsTime(message) && name.SequenceEqual(allocation.Name) && Verify(message, key);
    }

    // RFC 8489, 9.2.4: the stronger one where both are there. TURN allows no truncation (14.6).
    private static bool Verify(in StunReader message, CredentialKey key) =>
        message.Has(StunAttributeType.MessageIntegritySha256)
            ? StunIntegrity.Verify(message, key.Sha256)
            : StunIntegrity.Verify(message, key.Sha1);

    /// <summary>
    /// A time-limited credential makes and prolongs allocations until it expires (draft-uberti-behave-turn-rest-00, 2.2); what it has
    /// made may be used, and ended, after that.
    /// </summary>
    private static bool NeedsTime(in StunReader message) => message.Type.Method switch
    {
        StunMethod.Allocate => true,
        StunMethod.Refresh => !message.TryGetUInt32(StunAttributeType.Lifetime, out uint lifetime) || lifetime != 0,
        _ => false,
    };
}
