using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace V100.Server.Configuration;

/// <summary>
/// Reads <see cref="ServerOptions"/> from the configuration file, the environment and the command line, later ones
/// winning. It reads anew on each call, so that it serves the start and every reload.
/// </summary>
/// <remarks>Failure is one line that names the key, the value and what is allowed; the caller prints it and stops, or keeps what it has.</remarks>
internal sealed class OptionsReader(CommandLine commandLine)
{
    private const string Root = "V100";

    // What /v1/ice-servers gives out must be good for the relay of the same process, also without any configuration.
    private readonly string _turnSecretOfThisStart = RandomNumberGenerator.GetHexString(64, lowercase: true);

    public static OptionsReader FromArguments(params string[] arguments) =>
        CommandLine.TryParse(arguments, out CommandLine? commandLine, out string? error)
            ? new OptionsReader(commandLine)
            : throw new ArgumentException(error, nameof(arguments));

    public bool TryRead(out ServerOptions options, out string? error)
    {
        options = new ServerOptions();
        if (!TryLoad(out IConfigurationRoot configuration, out error))
        {
            return false;
        }

        List<OptionEntry> entries = [];
        Collect(configuration.GetSection(Root), entries);
        error = Apply(entries, options) ?? Check(options);
        if (options.TurnSecrets.Count == 0 && options.TurnUsers.Count == 0)
        {
            options.TurnSecrets.Add(_turnSecretOfThisStart);
        }

        return error is null;
    }

    private bool TryLoad(out IConfigurationRoot configuration, out string? error)
    {
        string path = commandLine.ConfigPath ?? Path.Combine(AppContext.BaseDirectory, "v100.json");
        ConfigurationBuilder builder = new();
        error = null;
        if (commandLine.ConfigPath is not null || File.Exists(path))
        {
            try
            {
                builder.AddJsonStream(new MemoryStream(File.ReadAllBytes(path)));
                builder.Build();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or FormatException or InvalidDataException)
            {
                configuration = null!;
                error = $"--config \"{path}\": {FirstLine((exception.InnerException ?? exception).Message)}; allowed is a readable JSON file with an object \"V100\"";
                return false;
            }
        }

        builder.Sources.Clear();
        if (File.Exists(path))
        {
            builder.AddJsonStream(new MemoryStream(File.ReadAllBytes(path)));
        }

        builder.AddEnvironmentVariables();
        builder.AddInMemoryCollection(commandLine.Settings);
        configuration = builder.Build();
        return true;
    }

    private static void Collect(IConfigurationSection section, List<OptionEntry> entries)
    {
        bool leaf = true;
        foreach (IConfigurationSection child in section.GetChildren())
        {
            leaf = false;
            Collect(child, entries);
        }

        if (section.Path != Root && (section.Value is not null || leaf))
        {
            entries.Add(new OptionEntry(section.Path, section.Value ?? ""));
        }
    }

    /// <summary>Gives every key its values or its default, and refuses what no key took.</summary>
    private static string? Apply(List<OptionEntry> entries, ServerOptions options)
    {
        HashSet<OptionEntry> taken = [];
        foreach (OptionKey key in OptionTable.Keys)
        {
            int takenBefore = taken.Count;
            List<(string Name, string Text, OptionEntry Entry)> values = Select(key, entries, taken);
            foreach ((string name, string text, OptionEntry entry) in values)
            {
                if (!key.Apply(options, name, text))
                {
                    string shown = key.Secret ? $"a value of {Encoding.UTF8.GetByteCount(text)} bytes" : $"\"{Printable(text)}\"";
                    return $"{entry.Path} = {shown}: allowed is {key.Allowed}";
                }
            }

            // A list that is set and empty stays empty: no origins are not all origins.
            if (taken.Count == takenBefore && key.Default is not null && !key.Apply(options, "", key.Default))
            {
                return $"{key.Name} = \"{key.Default}\": the built-in default is not allowed";
            }
        }

        OptionEntry? unknown = entries.FirstOrDefault(entry => !taken.Contains(entry));
        return unknown is null
            ? null
            : $"{Printable(unknown.Path)} = \"{Printable(unknown.Text)}\": no such key; allowed is what --help lists, the nearest is {Nearest(unknown.Path)}";
    }

    private static List<(string Name, string Text, OptionEntry Entry)> Select(OptionKey key, List<OptionEntry> entries, HashSet<OptionEntry> taken)
    {
        List<(string, string, OptionEntry)> plain = [];
        List<(string, string, OptionEntry)> children = [];
        string prefix = key.Name + ":";
        foreach (OptionEntry entry in entries)
        {
            bool isPlain = entry.Path.Equals(key.Name, StringComparison.OrdinalIgnoreCase);
            bool isChild = key.Shape != OptionShape.Value && entry.Path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
            string name = isChild ? entry.Path[prefix.Length..] : "";
            if (isChild && key.Shape == OptionShape.List && !int.TryParse(name, out _))
            {
                continue;
            }

            if (isChild)
            {
                taken.Add(entry);
                children.Add((key.Shape == OptionShape.Map ? name : "", entry.Text, entry));
            }
            else if (isPlain && (key.Shape != OptionShape.Map || entry.Text.Length == 0))
            {
                // An empty list or map in the file stands as an empty value.
                taken.Add(entry);
                string[] texts = key.Shape == OptionShape.Value ? [entry.Text] : entry.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                foreach (string text in texts)
                {
                    plain.Add(("", text, entry));
                }
            }
        }

        return plain.Count > 0 ? plain : children;
    }

    /// <summary>What needs more than one key to judge.</summary>
    private static string? Check(ServerOptions options)
    {
        if (options.TurnRelayPortMin > options.TurnRelayPortMax)
        {
            return $"V100:Turn:RelayPortMax = \"{options.TurnRelayPortMax}\": allowed is V100:Turn:RelayPortMin ({options.TurnRelayPortMin}) to 65535";
        }

        if (options.StunDiscoveryPort > 0 && !HasTwoOfAFamily(options.PublicAddresses))
        {
            return $"V100:Stun:DiscoveryPort = \"{options.StunDiscoveryPort}\": allowed is a port only with two addresses of one family in V100:PublicAddresses";
        }

        if (options.TlsCertificatePath is null != options.TlsKeyPath is null)
        {
            (string set, string? value, string missing) = options.TlsKeyPath is null
                ? ("V100:Tls:CertificatePath", options.TlsCertificatePath, "V100:Tls:KeyPath")
                : ("V100:Tls:KeyPath", options.TlsKeyPath, "V100:Tls:CertificatePath");
            return $"{set} = \"{value}\": allowed is only together with {missing}";
        }

        if (options.HttpUrl.IsHttps && options.TlsCertificatePath is null)
        {
            return $"V100:Http:Url = \"https://{options.HttpUrl.Host}:{options.HttpUrl.Port}\": allowed is https only with V100:Tls:CertificatePath and V100:Tls:KeyPath";
        }

        if (options.ApiKeys.Count == 0 && !options.HttpUrl.IsLoopback)
        {
            return $"V100:ApiKeys = \"\": allowed is empty only while V100:Http:Url is on loopback (it is {options.HttpUrl.Host}); "
                + "set V100:ApiKeys:{key} to a secret of at least 32 bytes";
        }

        return null;
    }

    private static bool HasTwoOfAFamily(List<IPAddress> addresses) => addresses.GroupBy(address => address.AddressFamily).Any(family => family.Count() > 1);

    private static string Nearest(string path) => OptionTable.Keys.MinBy(key => Distance(key.Name.ToUpperInvariant(), path.ToUpperInvariant()))!.HelpName;

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string left, string right)
    {
        right = right.Length > 256 ? right[..256] : right;
        int[] row = new int[right.Length + 1];
        for (int column = 0; column < row.Length; column++)
        {
            row[column] = column;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0]++;
            for (int j = 1; j <= right.Length; j++)
            {
                int replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }

    private static string Printable(string text) => string.Create(Math.Min(text.Length, 200), text, static (shown, text) =>
    {
        for (int index = 0; index < shown.Length; index++)
        {
            shown[index] = char.IsControl(text[index]) ? '?' : text[index];
        }
    });

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd('\r', '.');

    private sealed record OptionEntry(string Path, string Text);
}
