using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class TurnNoncesTests
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_grain = TimeSpan.FromSeconds(16);
    private static readonly Instant s_start = new(123_456_000_000_000);
    private static readonly ClientFlow s_flow = new(TransportProtocol.Udp, TurnWorld.Parse("203.0.113.5:40000"), TurnWorld.Parse("198.51.100.1:3478"));

    private readonly TurnNonces _nonces = new(new SeededEntropy(1), s_lifetime, s_start);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void At_whatever_time_it_is_made_a_nonce_lives_for_its_lifetime_whatever_becomes_of_the_keys(bool anonymity)
    {
        for (int made = 0; made < 1800; made += 7)
        {
            Instant at = s_start + TimeSpan.FromSeconds(made);
            byte[] nonce = Make(at, anonymity);
            Assert.Equal(NonceState.Valid, _nonces.Check(nonce, s_flow, at));
            var other = new TurnNonces(new SeededEntropy(1), s_lifetime, s_start);
            // A machine of its own for each nonce, so that time does not go back.
            byte[] same = Write(other, at, anonymity);
            Assert.Equal(NonceState.Valid, other.Check(same, s_flow, at + s_lifetime));
            Assert.NotEqual(NonceState.Valid, other.Check(same, s_flow, at + s_lifetime + s_grain * 2));
            Assert.Equal(NonceState.Foreign, other.Check(same, s_flow, at + s_lifetime * 3));
        }
    }

    [Fact]
    public void One_nonce_serves_a_client_for_some_seconds_and_then_another()
    {
        byte[] first = Make(s_start);
        Assert.Equal(first, Make(s_start + TimeSpan.FromSeconds(1)));
        Assert.NotEqual(first, Make(s_start + s_grain));
    }

    [Fact]
    public void It_is_bound_to_address_port_and_transport()
    {
        byte[] nonce = Make(s_start);
        foreach (ClientFlow other in new[]
        {
            new ClientFlow(s_flow.Client.WithPort(40001), s_flow.Server),
            new ClientFlow(TurnWorld.Parse("203.0.113.4:40000"), s_flow.Server),
            new ClientFlow(TurnWorld.Parse("[2001:db8::1]:40000"), s_flow.Server),
            new ClientFlow(s_flow.Client.Over(TransportProtocol.Tcp, 1), s_flow.Server),
        })
        {
            Assert.Equal(NonceState.Foreign, _nonces.Check(nonce, other, s_start));
        }
    }

    [Fact]
    public void No_two_servers_know_each_others_nonces()
        => Assert.Equal(NonceState.Foreign, new TurnNonces(new SeededEntropy(2), s_lifetime, s_start).Check(Make(s_start), s_flow, s_start));

    private byte[] Make(Instant now, bool anonymity = true) => Write(_nonces, now, anonymity);

    private static byte[] Write(TurnNonces nonces, Instant now, bool anonymity)
    {
        var nonce = new byte[TurnNonces.Length];
        nonces.Write(s_flow, anonymity, nonce, now);
        return nonce;
    }
}
