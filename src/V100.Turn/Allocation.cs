using System.Diagnostics;
using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>
/// An allocation (RFC 8656, 3.2): what one client has at this server. It belongs to one shard, which alone touches it; what others may
/// see is its <see cref="Record"/>.
/// </summary>
internal sealed class Allocation
{
    private readonly Dictionary<TransportAddress, Permission> _permissions = [];
    private readonly Dictionary<TransportAddress, ChannelBinding> _channelsByPeer = [];
    private readonly Dictionary<int, ChannelBinding> _channelsByNumber = [];

    public Allocation(AllocationRecord record, CredentialKey key, UserAccount account, in ClientFlow flow)
    {
        Record = record;
        Key = key;
        Account = account;
        Flow = flow;
        Timer = new TimerNode(this);
    }

    public readonly AllocationRecord Record;
    public readonly UserAccount Account;
    public readonly TimerNode Timer;

    /// <summary>What made it: nobody else may use it (RFC 8656, 5), and who knows it may as long as it lives.</summary>
    public readonly CredentialKey Key;

    public ClientFlow Flow;

    /// <summary>The client's connection is gone, and its mobility ticket keeps the allocation.</summary>
    public bool IsDetached;

    public Relay First = null!;

    /// <summary>Of the other family (ADDITIONAL-ADDRESS-FAMILY).</summary>
    public Relay? Second;

    /// <summary>The family that was asked for besides and could not be had, or 0; and why (ADDRESS-ERROR-CODE; RFC 8656, 18.12).</summary>
    public AddressFamily MissingFamily;
    public StunErrorCode MissingFamilyError;

    /// <summary>What a retransmission of the Allocate gets again.</summary>
    public TransactionId Transaction;
    public uint LifetimeSeconds;
    public ulong ReservationToken;

    /// <summary>The socket of the port above the allocation's own, from its opening to its reservation.</summary>
    public IDisposable? HeldUpper;

    public MobilityTicket Ticket;

    /// <summary>The ticket before, good until the client shows the newer one, whose delivery may have failed.</summary>
    public MobilityTicket PreviousTicket;

    /// <summary>The Refresh that got <see cref="Ticket"/>: its retransmission gets the same.</summary>
    public TransactionId TicketTransaction;

    /// <summary>Null before the first (RFC 6062).</summary>
    public List<PeerConnection>? Connections;

    public byte[] Name => Key.Name;

    public RelayTransport Transport => Record.Transport;

    public Relay? RelayFor(in TransportAddress peer) =>
        First.Relayed.IsIPv4 == peer.IsIPv4 ? First
        : Second is not null && Second.Relayed.IsIPv4 == peer.IsIPv4 ? Second
        : null;

    public bool TryFindPermission(in TransportAddress peer, Instant now, out Permission permission) =>
        _permissions.TryGetValue(peer.WithPort(0), out permission!) && now < permission.ExpiresAt;

    /// <summary>The binding of a number, if it has not ended.</summary>
    public bool TryFindChannel(int number, Instant now, out ChannelBinding binding) =>
        _channelsByNumber.TryGetValue(number, out binding!) && now < binding.ExpiresAt;

    /// <summary>The binding of a peer, if it has not ended.</summary>
    public bool TryFindChannel(in TransportAddress peer, Instant now, out ChannelBinding binding) =>
        _channelsByPeer.TryGetValue(peer, out binding!) && now < binding.ExpiresAt;

    /// <summary>Whether this address has a permission or there is room for <paramref name="further"/> ones.</summary>
    public bool HasPermissionOrRoom(in TransportAddress peer, int limit, ref int further)
    {
        if (!_permissions.ContainsKey(peer.WithPort(0)))
        {
            further++;
        }

        return _permissions.Count + further <= limit;
    }

    /// <summary>Installs or refreshes (RFC 8656, 9). The caller has checked the peer and the room.</summary>
    public Permission Permit(in TransportAddress peer, PeerPolicy policy, PeerVerdict verdict, Instant now)
    {
        Debug.Assert(!verdict.IsDenied());
        TransportAddress address = peer.WithPort(0);
        if (!_permissions.TryGetValue(address, out Permission? permission))
        {
            permission = new Permission(address);
            _permissions.Add(address, permission);
            foreach (ChannelBinding binding in _channelsByNumber.Values)
            {
                // A binding outlives its permission, and knows the new one from now on.
                if (binding.Peer.WithPort(0) == address)
                {
                    binding.Permission = permission;
                }
            }
        }

        permission.ExpiresAt = now + Permission.Lifetime;
        permission.Policy = policy;
        permission.Verdict = verdict;
        Record.Permissions = _permissions.Count;
        return permission;
    }

    /// <summary>
    /// Whether number and peer are free for each other: bound to each other, or to nothing, the time after a binding's end included
    /// (RFC 8656, 12.2).
    /// </summary>
    public bool CanBind(int number, in TransportAddress peer) =>
        (!_channelsByNumber.TryGetValue(number, out ChannelBinding? byNumber) || byNumber.Peer == peer)
        && (!_channelsByPeer.TryGetValue(peer, out ChannelBinding? byPeer) || byPeer.Number == number);

    public bool HasChannelOrRoom(int number, int limit) => _channelsByNumber.ContainsKey(number) || _channelsByNumber.Count < limit;

    /// <summary>Binds or refreshes. The caller has checked that it can be.</summary>
    public void Bind(ushort number, in TransportAddress peer, Relay relay, Permission permission, PeerVerdict verdict, Instant now)
    {
        if (!_channelsByNumber.TryGetValue(number, out ChannelBinding? binding))
        {
            binding = new ChannelBinding(number, peer, relay);
            _channelsByNumber.Add(number, binding);
            _channelsByPeer.Add(peer, binding);
        }

        Debug.Assert(binding.Peer == peer);
        binding.ExpiresAt = now + ChannelBinding.Lifetime;
        binding.Permission = permission;
        binding.Policy = permission.Policy;
        binding.Verdict = verdict;
        Record.Channels = _channelsByNumber.Count;
    }

    /// <summary>Forgets the channels of a relayed address that ends before the other one.</summary>
    public void Unbind(Relay relay)
    {
        foreach ((int number, ChannelBinding binding) in _channelsByNumber)
        {
            if (binding.Relay == relay)
            {
                _channelsByNumber.Remove(number);
                _channelsByPeer.Remove(binding.Peer);
            }
        }

        Record.Channels = _channelsByNumber.Count;
    }

    /// <summary>Forgets what has ended, with each request that may add something: so the tables stay within their bounds.</summary>
    public void Sweep(Instant now)
    {
        foreach ((TransportAddress address, Permission permission) in _permissions)
        {
            if (permission.ExpiresAt <= now)
            {
                _permissions.Remove(address);
            }
        }

        foreach ((int number, ChannelBinding binding) in _channelsByNumber)
        {
            if (binding.ExpiresAt + ChannelBinding.Quarantine <= now)
            {
                _channelsByNumber.Remove(number);
                _channelsByPeer.Remove(binding.Peer);
            }
        }

        Record.Permissions = _permissions.Count;
        Record.Channels = _channelsByNumber.Count;
    }
}
