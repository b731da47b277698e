using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Stun;

namespace V100.Client;

/// <summary>
/// A full ICE agent with one pair (RFC 8445): it checks, nominates what was answered, and goes on asking for
/// consent (RFC 7675) as browsers do.
/// </summary>
internal sealed class ControllingAgent
{
    private const uint HostPriority = 1853824767;
    private const int UfragLength = 4;
    private const int PasswordLength = 24;
    private static readonly TimeSpan _checkInterval = TimeSpan.FromMilliseconds(50);

    private readonly Random _random;
    private readonly ulong _tieBreaker;
    private HmacSha1Key _ownKey = null!;
    private readonly byte[] _transaction = new byte[StunHeader.TransactionIdLength];
    private HmacSha1Key? _serverKey;
    private byte[] _username = [];

    public ControllingAgent(Random random)
    {
        _random = random;
        _tieBreaker = (ulong)random.NextInt64();
        Renew();
    }

    public string Ufrag { get; private set; } = "";
    public string Password { get; private set; } = "";

    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>A check was answered by who knows the password.</summary>
    public bool IsValid { get; private set; }

    public bool IsNominated { get; private set; }

    /// <summary>Credentials for an ICE restart; <see cref="Start"/> with the server's new ones follows.</summary>
    public void Renew()
    {
        Ufrag = Text(_random, UfragLength);
        Password = Text(_random, PasswordLength);
        _ownKey = new HmacSha1Key(Encoding.ASCII.GetBytes(Password));
    }

    public void Start(string serverUfrag, string serverPassword, Instant now)
    {
        _serverKey = new HmacSha1Key(Encoding.ASCII.GetBytes(serverPassword));
        _username = Encoding.ASCII.GetBytes($"{serverUfrag}:{Ufrag}");
        IsValid = IsNominated = false;
        NextDeadline = now;
    }

    /// <summary>The check that is due at <see cref="NextDeadline"/>. Returns its length.</summary>
    public int WriteCheck(Span<byte> destination, Instant now)
    {
        _random.NextBytes(_transaction);
        var writer = new StunWriter(destination, new StunMessageType(StunMethod.Binding, StunClass.Request), _transaction);
        writer.Write(StunAttributeType.Username, _username);
        writer.WriteUInt64(StunAttributeType.IceControlling, _tieBreaker);
        writer.WriteUInt32(StunAttributeType.Priority, HostPriority);
        if (IsValid)
        {
            writer.WriteFlag(StunAttributeType.UseCandidate);
        }

        writer.WriteIntegrity(_serverKey!);
        writer.WriteFingerprint();
        NextDeadline = now + (IsNominated ? TimeSpan.FromSeconds(2.5 + 2.5 * _random.NextDouble()) : _checkInterval);
        return writer.Finish();
    }

    /// <summary>An answer to the last check; anything else is dropped.</summary>
    public void HandleResponse(ReadOnlySpan<byte> bytes, Instant now)
    {
        if (_serverKey is null
            || !StunReader.TryParse(bytes, out StunReader response)
            || response.Type.Class != StunClass.Success
            || !response.TransactionId.SequenceEqual(_transaction)
            || !StunIntegrity.Verify(response, _serverKey))
        {
            return;
        }

        if (!IsNominated)
        {
            IsNominated = IsValid;
            IsValid = true;
            NextDeadline = IsNominated ? now + TimeSpan.FromSeconds(2.5) : now;
        }
    }

    /// <summary>Answers a check of a server that is no lite one. Returns the answer's length; 0 where there is none.</summary>
    public int Answer(in Datagram check, Span<byte> destination)
    {
        if (!StunReader.TryParse(check.Bytes, out StunReader request)
            || request.Type != new StunMessageType(StunMethod.Binding, StunClass.Request)
            || !StunIntegrity.Verify(request, _ownKey))
        {
            return 0;
        }

        StunWriter writer = StunWriter.Answer(destination, in request, StunClass.Success);
        writer.WriteXorAddress(StunAttributeType.XorMappedAddress, check.Remote);
        writer.WriteIntegrity(_ownKey);
        writer.WriteFingerprint();
        return writer.Finish();
    }

    private static string Text(Random random, int length) =>
        string.Create(length, random, static (characters, source) => source.GetItems("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789+/", characters));
}
