using V100.Net;
using V100.Stun;

namespace V100.Sfu.Ice;

/// <summary>
/// A lite ICE agent (RFC 8445, 2.5) with one component: it answers the checks of a full agent, and from them knows the
/// valid pairs, the one to send on, and whether the peer still consents to be sent to.
/// </summary>
/// <remarks>
/// <para>
/// <see cref="HandleRequest"/> gets every STUN message whose USERNAME names this agent. <see cref="HandleDeadline"/> is
/// called when <see cref="NextDeadline"/> has come. After each of these and after <see cref="Restart"/>,
/// <see cref="Removed"/> lists the pairs that no longer are valid; it holds until the next such call.
/// </para>
/// <para>
/// Which pair is sent on. Before a nomination: the valid pair of the highest priority. Then a nomination decides, and peers
/// nominate in two ways. A peer that checks a pair first and nominates it later (regular nomination, RFC 8445, 8.1.1, and the
/// browsers, which nominate another pair again when their network changes) means its last word: the last nomination wins.
/// A peer that sets USE-CANDIDATE in every check from the first one (aggressive nomination, RFC 5245, 8.1.1.2) means
/// the best pair: the highest priority wins, until the selected pair is not nominated again for 3 s.
/// </para>
/// </remarks>
public sealed class IceLiteAgent
{
    /// <summary>The most valid pairs that are kept.</summary>
    public const int MaxPairs = IcePairTable.Capacity;

    private const int MaxResponseLength = 128;

    // RFC 7675, 5.1.
    private static readonly TimeSpan s_consentLifetime = TimeSpan.FromSeconds(30);

    // Longer than browsers wait between two checks of the pair that they use (2.5 s).
    private static readonly TimeSpan s_nominationSilence = TimeSpan.FromSeconds(3);

    private readonly IcePairTable _pairs = new();
    private readonly ulong _tieBreaker;
    private IceCredentials _local;
    private IceCredentials? _localBeforeRestart;
    private int _generation;
    private int _generationBeforeRestart;
    private bool _wasNominated;

    /// <param name="local">This server's credentials, as in its description.</param>
    /// <param name="remote">The peer's, as in its description.</param>
    /// <param name="tieBreaker">
    /// RFC 8445, 7.3.1.1. A full peer of a lite agent must be controlling (6.1.1); with 0, every peer that is not so by
    /// mistake gets a 487 and becomes it.
    /// </param>
    /// <param name="role">Controlling only where the peer is lite too and this side made the offer (RFC 8445, 6.1.1).</param>
    public IceLiteAgent(IceCredentials local, IceCredentials remote, ulong tieBreaker, IceRole role = IceRole.Controlled)
    {
        _local = local;
        Remote = remote;
        _tieBreaker = tieBreaker;
        Role = role;
    }

    public IceCredentials Local => _local;
    public IceCredentials Remote { get; private set; }
    public IceRole Role { get; private set; }

    /// <summary>A restart began, and no pair of the new credentials is nominated yet.</summary>
    public bool IsRestarting => _localBeforeRestart is not null;

    /// <summary>The valid pairs, in no order.</summary>
    public ReadOnlySpan<IcePair> Pairs => _pairs.Pairs;

    /// <summary>The pairs that the last call took out of <see cref="Pairs"/>; another pair may hold the same remote address.</summary>
    public ReadOnlySpan<IcePair> Removed => _pairs.Removed;

    /// <summary>30 s after the last valid check on any pair: nothing may be sent from then on. Never, before the first check.</summary>
    public Instant ConsentDeadline { get; private set; } = Instant.Never;

    /// <summary>When the first of the pairs expires.</summary>
    public Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Never;
            foreach (ref readonly IcePair pair in _pairs.Pairs)
            {
                next = Instant.Earlier(next, pair.LastCheck + s_consentLifetime);
            }

            return next;
        }
    }

    /// <summary>Where to send, and from which address of this machine. False until the first valid check, and without consent.</summary>
    public bool TryGetSelected(out TransportAddress remote, out TransportAddress local)
    {
        bool selected = _pairs.HasSelected;
        remote = selected ? _pairs.Selected.Remote : default;
        local = selected ? _pairs.Selected.Local : default;
        return selected;
    }

    /// <summary>Whether a valid check came from this address.</summary>
    public bool IsValidPair(in TransportAddress remote)
    {
        foreach (ref readonly IcePair pair in _pairs.Pairs)
        {
            if (pair.Remote == remote)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Begins an ICE restart (RFC 8445, 9): checks under both credentials are valid until a pair is nominated under the new
    /// ones. Sending goes on on the selected pair. A second restart before that ends the one under way.
    /// </summary>
    public void Restart(IceCredentials local, IceCredentials remote)
    {
        _pairs.ForgetRemoved();
        if (_localBeforeRestart is null)
        {
            _localBeforeRestart = _local;
            _generationBeforeRestart = _generation;
        }

        _local = local;
        Remote = remote;
        _generation++;
    }

    /// <summary>Drops the pairs whose consent has expired. True when media go elsewhere from now on, or nowhere.</summary>
    public bool HandleDeadline(Instant now)
    {
        _pairs.ForgetRemoved();
        bool wasSelected = _pairs.HasSelected;
        _pairs.RemoveSilentSince(now - s_consentLifetime);
        if (_pairs.HasSelected == wasSelected)
        {
            return false;
        }

        _pairs.SelectBest();
        return true;
    }

    /// <summary>Handles one STUN message of the peer; the answer, if it has one, is put into <paramref name="output"/>.</summary>
    /// <param name="request">The message.</param>
    /// <param name="datagram">The datagram that it is a view of, for the addresses.</param>
    /// <param name="now">The time.</param>
    /// <param name="output">Gets at most one packet, from the address that the request was sent to.</param>
    public IceCheckOutcome HandleRequest(in StunReader request, in Datagram datagram, Instant now, TransmitBatch output)
    {
        _pairs.ForgetRemoved();
        IceCheckResult result = Authenticate(request, out IceCredentials? credentials);
        if (result == IceCheckResult.Answered)
        {
            // RFC 8489, 6.3.1: only after the authentication.
            result = request.UnknownRequired.IsEmpty ? SettleRole(request) : IceCheckResult.RejectedUnknownAttribute;
        }

        if (result is not (IceCheckResult.DroppedNotARequest or IceCheckResult.DroppedBadFingerprint))
        {
            Respond(request, datagram, result, credentials, output);
        }

        return result == IceCheckResult.Answered
            ? UpdatePairs(request, datagram, now, credentials == _local ? _generation : _generationBeforeRestart)
            : new IceCheckOutcome(result);
    }

    /// <summary>RFC 8489, 9.1.3, with the USERNAME of RFC 8445, 7.3.</summary>
    private IceCheckResult Authenticate(in StunReader request, out IceCredentials? credentials)
    {
        credentials = null;
        if (request.Type != new StunMessageType(StunMethod.Binding, StunClass.Request))
        {
            return IceCheckResult.DroppedNotARequest;
        }

        // RFC 8489, 7.
        if (request.Has(StunAttributeType.Fingerprint) && !StunFingerprint.Verify(request))
        {
            return IceCheckResult.DroppedBadFingerprint;
        }

        bool sha256 = request.Has(StunAttributeType.MessageIntegritySha256);
        if (!request.TryGet(StunAttributeType.Username, out ReadOnlySpan<byte> username)
            || !(sha256 || request.Has(StunAttributeType.MessageIntegrity)))
        {
            return IceCheckResult.RejectedIncomplete;
        }

        // RFC 8445, 7.3: a USERNAME is valid if the part before the colon is our fragment. The part behind it is not looked
        // at: who knows our password is the peer, and some peers use several fragments in one bundle.
        IceCredentials? named = _local.AreNamedBy(username) ? _local
            : _localBeforeRestart is not null && _localBeforeRestart.AreNamedBy(username) ? _localBeforeRestart
            : null;
        if (named is null)
        {
            return IceCheckResult.RejectedUnknownUsername;
        }

        if (!(sha256 ? StunIntegrity.Verify(request, named.KeySha256) : StunIntegrity.Verify(request, named.Key)))
        {
            return IceCheckResult.RejectedBadIntegrity;
        }

        credentials = named;
        return IceCheckResult.Answered;
    }

    /// <summary>RFC 8445, 7.3.1.1.</summary>
    private IceCheckResult SettleRole(in StunReader request)
    {
        if (Role == IceRole.Controlled && request.TryGetUInt64(StunAttributeType.IceControlled, out ulong theirs))
        {
            if (_tieBreaker < theirs)
            {
                return IceCheckResult.RejectedRoleConflict;
            }

            Role = IceRole.Controlling;
        }
        else if (Role == IceRole.Controlling && request.TryGetUInt64(StunAttributeType.IceControlling, out theirs))
        {
            if (_tieBreaker >= theirs)
            {
                return IceCheckResult.RejectedRoleConflict;
            }

            Role = IceRole.Controlled;
        }

        return IceCheckResult.Answered;
    }

    private static void Respond(
        in StunReader request, in Datagram datagram, IceCheckResult result, IceCredentials? credentials, TransmitBatch output)
    {
        Span<byte> packet = output.Reserve(datagram.Remote, datagram.Local, MaxResponseLength);
        scoped StunWriter writer;
        if (result == IceCheckResult.Answered)
        {
            writer = StunWriter.Answer(packet, request, StunClass.Success);
            writer.WriteXorAddress(StunAttributeType.XorMappedAddress, datagram.Remote);
        }
        else
        {
            writer = StunWriter.Answer(packet, request, StunClass.Error);
            writer.WriteErrorCode(ErrorCodeOf(result));
            if (result == IceCheckResult.RejectedUnknownAttribute)
            {
                writer.WriteUnknownAttributes(request.UnknownRequired);
            }
        }

        // RFC 8489, 9.1.3: answers to an authenticated request are signed as it was; 400 and 401 are not signed.
        if (credentials is not null && request.Has(StunAttributeType.MessageIntegritySha256))
        {
            writer.WriteIntegrity(credentials.KeySha256);
        }
        else if (credentials is not null)
        {
            writer.WriteIntegrity(credentials.Key);
        }

        // RFC 8445, 7.1 and 7.3: checks and their answers carry it.
        writer.WriteFingerprint();
        output.Commit(writer.Finish());
    }

    private static StunErrorCode ErrorCodeOf(IceCheckResult result) => result switch
    {
        IceCheckResult.RejectedIncomplete => StunErrorCode.BadRequest,
        IceCheckResult.RejectedUnknownAttribute => StunErrorCode.UnknownAttribute,
        IceCheckResult.RejectedRoleConflict => StunErrorCode.RoleConflict,
        _ => StunErrorCode.Unauthenticated,
    };

    /// <summary>RFC 8445, 7.3.2 (a lite agent makes the pair) and 7.3.1.5 (nomination).</summary>
    private IceCheckOutcome UpdatePairs(in StunReader request, in Datagram datagram, Instant now, int generation)
    {
        // A controlling lite agent has no checks to nominate with: what is valid counts as nominated (RFC 8445, 8.2).
        bool nominates = Role == IceRole.Controlling || request.Has(StunAttributeType.UseCandidate);
        request.TryGetUInt32(StunAttributeType.Priority, out uint priority);

        int index = _pairs.Find(datagram.Remote, datagram.Local);
        bool isNew = index < 0;
        if (isNew)
        {
            index = _pairs.Add(new IcePair { Remote = datagram.Remote, Local = datagram.Local, Generation = generation });
        }

        ref IcePair pair = ref _pairs[index];
        pair.LastCheck = now;
        ConsentDeadline = now + s_consentLifetime;
        if (generation < pair.Generation)
        {
            // Late, from before the restart: it shows that the peer lives, and no more.
            return new IceCheckOutcome(IceCheckResult.Answered);
        }

        if (generation > pair.Generation)
        {
            pair.Generation = generation;
            pair.IsNominated = false;
            pair.WasCheckedPlainly = false;
        }

        pair.Priority = priority;
        pair.WasCheckedPlainly |= !nominates;
        bool takesOver = TakesOver(index, nominates, now);
        if (nominates)
        {
            pair.IsNominated = true;
            pair.LastNomination = now;
        }

        if (takesOver)
        {
            _pairs.Select(index);
        }

        return new IceCheckOutcome(IceCheckResult.Answered, isNew, takesOver, TryCompleteRestart());
    }

    /// <summary>Whether the pair of the check at hand is to be sent on instead of the selected one: see the remarks of the type.</summary>
    private bool TakesOver(int index, bool nominates, Instant now)
    {
        if (!_pairs.HasSelected)
        {
            _wasNominated |= nominates;
            return true;
        }

        ref readonly IcePair pair = ref _pairs[index];
        ref readonly IcePair selected = ref _pairs.Selected;
        bool isPreferred = pair.Priority > selected.Priority;
        if (!nominates)
        {
            return !_pairs.IsSelected(index)
                && !_wasNominated
                && (isPreferred || now - selected.LastCheck > s_nominationSilence);
        }

        _wasNominated = true;
        if (_pairs.IsSelected(index) || pair.Generation < selected.Generation)
        {
            return false;
        }

        return pair.Generation > selected.Generation
            || !selected.IsNominated
            || pair.WasCheckedPlainly
            || isPreferred
            || now - selected.LastNomination > s_nominationSilence;
    }

    /// <summary>RFC 8445, 9: once a pair of the new generation is nominated and sent on, the old one is over.</summary>
    private bool TryCompleteRestart()
    {
        if (_localBeforeRestart is null || !_pairs.Selected.IsNominated || _pairs.Selected.Generation != _generation)
        {
            return false;
        }

        _localBeforeRestart = null;
        _pairs.RemoveGenerationsBefore(_generation);
        return true;
    }
}
