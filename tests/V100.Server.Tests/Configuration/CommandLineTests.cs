using V100.Server.Configuration;

namespace V100.Server.Tests.Configuration;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--bogus")]
    [InlineData("serve")]
    [InlineData("--urls=http://*:80")]
    [InlineData("--help=yes")]
    public void An_unknown_argument_gives_one_line(string argument)
    {
        Assert.False(CommandLine.TryParse([argument], out _, out string? error));
        Assert.Contains($"\"{argument}\"", error);
        Assert.DoesNotContain("\n", error);
    }

    [Theory]
    [InlineData("--config")]
    [InlineData("--V100:Udp:Port")]
    public void A_key_without_a_value_gives_one_line(string argument)
    {
        Assert.False(CommandLine.TryParse([argument, "--check"], out _, out string? error));
        Assert.StartsWith(argument, error);
    }

    [Fact]
    public void Help_shows_every_key_with_its_default_and_what_is_allowed()
    {
        string help = CommandLine.HelpText();
        Assert.All(OptionTable.Keys, key =>
        {
            Assert.Contains($"  {key.HelpName} = {key.HelpDefault}\n", help);
            Assert.Contains(key.Description, help);
            Assert.Contains(key.Allowed, help);
        });
        string later = help[help.IndexOf("without effect", StringComparison.Ordinal)..];
        Assert.All(OptionTable.Keys, key => Assert.Equal(!key.ActsNow, later.Contains($"  {key.HelpName} = ", StringComparison.Ordinal)));
    }
}
