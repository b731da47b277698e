using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace V100.Server.Configuration;

/// <summary>What the arguments ask for: <c>--help</c>, <c>--version</c>, <c>--check</c>, <c>--config FILE</c>, and configuration keys.</summary>
internal sealed class CommandLine
{
    public bool Help { get; private set; }
    public bool Version { get; private set; }
    public bool Check { get; private set; }
    public string? ConfigPath { get; private set; }
    public Dictionary<string, string?> Settings { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>False for an argument that is not known, with one line that names it and what is allowed.</summary>
    public static bool TryParse(IReadOnlyList<string> arguments, [NotNullWhen(true)] out CommandLine? commandLine, out string? error)
    {
        CommandLine parsed = new();
        commandLine = null;
        error = null;
        for (int index = 0; index < arguments.Count; index++)
        {
            string argument = arguments[index];
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument : argument[..equals];
            string? inline = equals < 0 ? null : argument[(equals + 1)..];
            bool takesValue = name == "--config" || name.StartsWith("--V100:", StringComparison.OrdinalIgnoreCase);
            if (takesValue && inline is null && (index + 1 == arguments.Count || arguments[index + 1].StartsWith("--", StringComparison.Ordinal)))
            {
                error = $"{name} = \"\": allowed is {name}=VALUE";
                return false;
            }

            if (takesValue)
            {
                parsed.Take(name, inline ?? arguments[++index]);
            }
            else if (!parsed.TryFlag(argument))
            {
                error = $"argument \"{argument}\": allowed are --help, --version, --check, --config FILE and keys such as --V100:Udp:Port=3478";
                return false;
            }
        }

        commandLine = parsed;
        return true;
    }

    /// <summary>The text of <c>--help</c>, made from <see cref="OptionTable"/>.</summary>
    public static string HelpText()
    {
        StringBuilder text = new();
        text.Append("""
            V100: a media server: STUN, SFU with WHIP and WHEP, and a control API, in one binary.

            usage: v100 [--config FILE] [--V100:Section:Key=VALUE ...] [--check | --help | --version]

              --config FILE   configuration (JSON) to read instead of v100.json beside the binary
              --check         read and check the configuration, then exit with 0, or with 1 and the reason
              --help          this text
              --version       the version

            Each key below stands in v100.json ({"V100": {"Udp": {"Port": 3478}}}), in the environment (V100__Udp__Port=3478)
            or on the command line (--V100:Udp:Port=3478); the later of these wins. Lists take commas: a,b.
            SIGHUP and POST /v1/admin/reload read API keys, TURN secrets and the certificate again, with no session lost.

            """);
        AppendKeys(text, "", OptionTable.Keys.Where(key => key.ActsNow));
        AppendKeys(text, "Read and checked, but without effect in this version:", OptionTable.Keys.Where(key => !key.ActsNow));
        return text.ToString();
    }

    private static void AppendKeys(StringBuilder text, string title, IEnumerable<OptionKey> keys)
    {
        text.Append('\n').Append(title).Append(title.Length > 0 ? "\n\n" : "");
        foreach (OptionKey key in keys)
        {
            text.Append("  ").Append(key.HelpName).Append(" = ").Append(key.HelpDefault).Append('\n');
            text.Append("      ").Append(key.Description).Append('\n');
            text.Append("      Allowed: ").Append(key.Allowed).Append(".\n");
        }
    }

    private void Take(string name, string value)
    {
        if (name == "--config")
        {
            ConfigPath = value;
        }
        else
        {
            Settings[name[2..]] = value;
        }
    }

    private bool TryFlag(string argument)
    {
        Help |= argument is "--help" or "-h";
        Version |= argument is "--version";
        Check |= argument is "--check";
        return argument is "--help" or "-h" or "--version" or "--check";
    }
}
