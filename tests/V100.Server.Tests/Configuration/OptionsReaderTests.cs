using System.Net;
using V100.Net.Sockets;
using V100.Server.Configuration;
using V100.Turn;

namespace V100.Server.Tests.Configuration;

public sealed class OptionsReaderTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"v100-{Guid.NewGuid():N}.json");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Without_configuration_every_default_of_the_contract_holds()
    {
        ServerOptions options = Read();
        Assert.Equal(new ListenUrl(false, "127.0.0.1", IPAddress.Loopback, 8080), options.HttpUrl);
        Assert.Equal((3478, 3478, 5349), (options.UdpPort, options.TcpPort, options.TlsPort));
        Assert.Equal(["*"], options.AllowedOrigins);
        Assert.Equal(0, options.UdpWorkers);
        Assert.Equal(UdpBackend.Auto, options.UdpBackend);
        Assert.Equal(("v100", 49152, 65535), (options.TurnRealm, options.TurnRelayPortMin, options.TurnRelayPortMax));
        Assert.Equal((100_000, 100, 0L, 1024, 3600),
            (options.TurnMaxAllocations, options.TurnMaxAllocationsPerUser, options.TurnMaxBitsPerSecondPerUser, options.TurnMaxPermissionsPerAllocation, options.TurnMaxLifetimeSeconds));
        Assert.Equal((true, true, 200), (options.TurnMobility, options.TurnTcpRelays, options.TurnUnauthenticatedPerSecond));
        Assert.Equal((100_000, 3000, 300, true), (options.MaxRooms, options.MaxParticipantsPerRoom, options.EmptyTimeoutSeconds, options.AutoCreateRooms));
        Assert.Equal(3600, options.DrainTimeoutSeconds);
        Assert.Empty(options.ApiKeys);
        Assert.Empty(options.PublicAddresses);
    }

    [Fact]
    public void The_command_line_wins_over_the_file()
    {
        File.WriteAllText(_file, """{"V100": {"Udp": {"Port": 5000, "Addresses": ["127.0.0.1", "::1"]}, "Rooms": {"AutoCreate": false}, "Webhooks": {"Urls": []}}}""");
        ServerOptions options = Read("--config", _file, "--V100:Udp:Port", "6000");
        Assert.Equal(6000, options.UdpPort);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], options.UdpAddresses);
        Assert.False(options.AutoCreateRooms);
    }

    [Fact]
    public void Lists_take_commas_or_indices_and_maps_take_names()
    {
        ServerOptions options = Read(
            "--V100:PublicAddresses=192.0.2.1, 2001:db8::1",
            "--V100:Turn:Secrets:0=one", "--V100:Turn:Secrets:1=two",
            "--V100:Turn:DeniedPeers=198.51.100.0/24",
            "--V100:Turn:Users:alice=wonderland",
            $"--V100:ApiKeys:first={RunningServer.Secret}");
        Assert.Equal([IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")], options.PublicAddresses);
        Assert.Equal(["one", "two"], options.TurnSecrets);
        Assert.Equal([IPNetwork.Parse("198.51.100.0/24")], options.TurnDeniedPeers);
        Assert.Equal("wonderland", options.TurnUsers["alice"]);
        Assert.Equal(RunningServer.Secret, options.ApiKeys["first"]);
    }

    [Fact]
    public void An_empty_list_is_no_default()
    {
        Assert.Empty(Read("--V100:Http:AllowedOrigins=").AllowedOrigins);
    }

    /// <summary>One bad value for each key; the test below fails for a key that stands here not.</summary>
    public static TheoryData<string, string> BadValues() => new()
    {
        { "V100:Http:Url", "ftp://127.0.0.1:1" },
        { "V100:Http:AllowedOrigins", "https://example.com/path" },
        { "V100:Udp:Port", "65536" },
        { "V100:Udp:Addresses", "localhost" },
        { "V100:Udp:Workers", "0" },
        { "V100:Udp:Backend", "windows" },
        { "V100:Srtp:Backend", "hardware" },
        { "V100:Tcp:Port", "-1" },
        { "V100:Tcp:TrustedProxies", "10.0.0.1/33" },
        { "V100:Tcp:MaxConnections", "0" },
        { "V100:Tcp:MaxConnectionsPerAddress", "none" },
        { "V100:Tcp:HandshakeTimeoutSeconds", "0" },
        { "V100:Tcp:FirstMessageTimeoutSeconds", "1.5" },
        { "V100:Tcp:IdleTimeoutSeconds", "-1" },
        { "V100:Tcp:WriteTimeoutSeconds", "3601" },
        { "V100:Tls:Port", "abc" },
        { "V100:Tls:CertificatePath", "/nowhere/cert.pem" },
        { "V100:Tls:KeyPath", "/nowhere/key.pem" },
        { "V100:PublicAddresses", "192.0.2.1:80" },
        { "V100:ApiKeys:key", "short" },
        { "V100:Turn:Realm", "" },
        { "V100:Turn:Realm", new string('r', TurnCredentials.MaxRealmLength + 1) },
        { "V100:Turn:Realm", new string('\u00e9', TurnCredentials.MaxRealmLength / 2 + 1) },
        { "V100:Turn:Secrets:0", "" },
        { "V100:Turn:Users:bob", "" },
        { "V100:Turn:RelayAddresses", "1.2" },
        { "V100:Turn:RelayPortMin", "80" },
        { "V100:Turn:RelayPortMax", "70000" },
        { "V100:Turn:AllowedPeers", "10.0.0.0" + "/33" },
        { "V100:Turn:DeniedPeers", "ten" },
        { "V100:Turn:MaxAllocations", "1.5" },
        { "V100:Turn:MaxAllocationsPerUser", "0" },
        { "V100:Turn:MaxBitsPerSecondPerUser", "fast" },
        { "V100:Turn:MaxPermissionsPerAllocation", "0" },
        { "V100:Turn:MaxLifetimeSeconds", "599" },
        { "V100:Turn:ChannelNumbers", "rfc3489" },
        { "V100:Turn:Mobility", "on" },
        { "V100:Turn:TcpRelays", "1" },
        { "V100:Turn:UnauthenticatedPerSecond", "-1" },
        { "V100:Tls:HostName", "no name" },
        { "V100:Udp:GatherMicroseconds", "1001" },
        { "V100:Udp:PollPacketsPerSecond", "-1" },
        { "V100:Turn:AlternateServers", "192.0.2.1" },
        { "V100:Stun:DiscoveryPort", "0" },
        { "V100:Rooms:MaxRooms", "0" },
        { "V100:Rooms:MaxParticipantsPerRoom", "-5" },
        { "V100:Rooms:EmptyTimeoutSeconds", "1e3" },
        { "V100:Http:RequestsPerSecondPerKey", "-1" },
        { "V100:Http:RequestsPerSecondPerAddress", "many" },
        { "V100:Rooms:MaxPublishersPerRoom", "0" },
        { "V100:Rooms:AutoCreate", "yes" },
        { "V100:Rooms:LoudestSpeakers", "65" },
        { "V100:Events:MaxStreams", "0" },
        { "V100:Events:MaxStreamsPerRoom", "1000001" },
        { "V100:Webhooks:Urls", "example.com/hook" },
        { "V100:Webhooks:MaxAgeSeconds", "0" },
        { "V100:Store:Path", "" },
        { "V100:Usage:RetentionDays", "0" },
        { "V100:Audit:RetentionDays", "ever" },
        { "V100:Audit:MaxEntries", "999" },
        { "V100:Drain:TimeoutSeconds", "" },
        { "V100:Trace:Session", "" },
        { "V100:Trace:Session", new string('s', 65) },
        { "V100:Trace:Path", "" },
        { "V100:Trace:Path", "/no/such/folder/trace" },
        { "V100:Log:Format", "xml" },
        { "V100:Log:Level", "loud" },
    };

    [Theory]
    [MemberData(nameof(BadValues))]
    public void A_bad_value_gives_one_line_with_key_value_and_what_is_allowed(string key, string value)
    {
        string error = Refused($"--{key}={value}");
        OptionKey entry = OptionTable.Keys.Single(entry => key == entry.Name || key.StartsWith(entry.Name + ":", StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error);
        Assert.StartsWith(key + " = ", error);
        Assert.EndsWith("allowed is " + entry.Allowed, error);
        if (!entry.Secret)
        {
            Assert.Contains($"\"{value}\"", error);
        }
        else if (value.Length > 0)
        {
            Assert.DoesNotContain(value, error);
        }
    }

    [Fact]
    public void Every_key_has_a_bad_value_here()
    {
        IEnumerable<string> tried = BadValues().Select(row => (string)row[0]);
        Assert.All(OptionTable.Keys, key => Assert.Contains(tried, name => name == key.Name || name.StartsWith(key.Name + ":", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("V100:Udp:Prot", "V100:Udp:Port")]
    [InlineData("V100:Udp:Addresses:first", "V100:Udp:Addresses")]
    [InlineData("V100:Room:MaxRooms", "V100:Rooms:MaxRooms")]
    [InlineData("V100:Udp", "V100:Udp:Port")]
    public void An_unknown_key_stops_the_start_and_names_the_nearest(string key, string nearest)
    {
        string error = Refused($"--{key}=1");
        Assert.StartsWith($"{key} = \"1\": no such key", error);
        Assert.EndsWith(nearest, error);
    }

    [Fact]
    public void Keys_are_required_off_loopback()
    {
        Assert.StartsWith("V100:ApiKeys = ", Refused("--V100:Http:Url=http://0.0.0.0:8080"));
        Assert.Equal("0.0.0.0", Read("--V100:Http:Url=http://0.0.0.0:8080", $"--V100:ApiKeys:k={RunningServer.Secret}").HttpUrl.Host);
    }

    [Fact]
    public void Keys_that_only_hold_together_are_judged_together()
    {
        Assert.StartsWith("V100:Turn:RelayPortMax = \"2000\"", Refused("--V100:Turn:RelayPortMin=3000", "--V100:Turn:RelayPortMax=2000"));
        Assert.StartsWith("V100:Http:Url = \"https://", Refused("--V100:Http:Url=https://127.0.0.1:8443"));
        File.WriteAllText(_file, "");
        Assert.StartsWith("V100:Tls:CertificatePath", Refused($"--V100:Tls:CertificatePath={_file}"));
        Assert.StartsWith("V100:Tls:KeyPath", Refused($"--V100:Tls:KeyPath={_file}"));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[1]")]
    [InlineData("""{"V100": {"Udp": {"Port": 1, "port": 2}}}""")]
    public void A_broken_file_gives_one_line_that_names_it(string text)
    {
        File.WriteAllText(_file, text);
        string error = Refused("--config", _file);
        Assert.StartsWith($"--config \"{_file}\"", error);
        Assert.DoesNotContain('\n', error);
    }

    [Fact]
    public void A_file_that_is_named_and_missing_stops_the_start()
    {
        Assert.StartsWith("--config \"/nowhere/v100.json\"", Refused("--config=/nowhere/v100.json"));
    }

    private static ServerOptions Read(params string[] arguments)
    {
        Assert.True(OptionsReader.FromArguments(arguments).TryRead(out ServerOptions options, out string? error), error);
        return options;
    }

    private static string Refused(params string[] arguments)
    {
        Assert.False(OptionsReader.FromArguments(arguments).TryRead(out _, out string? error));
        return error!;
    }
}
