using System.Globalization;
using System.Text.Json;

namespace V100.Server.Control;

/// <summary>What is wrong with one field of a request, for a problem document.</summary>
/// <param name="Field">Its name, <c>video.room</c> for a nested one; empty for the body as a whole.</param>
/// <param name="Detail">A sentence.</param>
/// <param name="Allowed">What would be right.</param>
internal sealed record FieldError(string Field, string Detail, string Allowed);

/// <summary>
/// The fields of one JSON object, read one by one. The first fault is kept in <see cref="Error"/> and reading goes on
/// with nulls, so that a caller reads everything, calls <see cref="RefuseUnknown"/>, and looks at <see cref="Error"/> once.
/// </summary>
internal sealed class JsonFields : IDisposable
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 8 };

    public const string TimeAllowed = "a time as in RFC 3339, such as 2030-01-31T12:00:00Z";

    /// <summary>As far as a double counts in ones.</summary>
    private const double MaxCounter = 9_007_199_254_740_991;

    private readonly JsonDocument? _document;
    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly string _path;

    private JsonFields(JsonDocument? document, JsonElement element, string path)
    {
        _document = document;
        _path = path;
        if (element.ValueKind != JsonValueKind.Object)
        {
            Error = new FieldError(path.TrimEnd('.'), "This is not a JSON object.", "a JSON object");
            return;
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            // RFC 8259, 4: names should be unique; what a second one means is anybody's guess.
            if (!TryGetName(property, out string name) || !_values.TryAdd(name, property.Value))
            {
                Error ??= new FieldError(path + name, "This field stands twice, or its name is not Unicode.", "each field once");
            }
        }
    }

    public FieldError? Error { get; private set; }

    /// <summary>False where the bytes are no JSON object with unique names.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, out JsonFields fields)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(utf8, Options);
            fields = new JsonFields(document, document.RootElement, "");
        }
        catch (JsonException)
        {
            // System.Text.Json has no other way to say it.
            fields = null!;
            return false;
        }

        return fields.Error is null;
    }

    /// <summary>One object, or an array of them; each with a path of its own. The first is to be disposed, for all.</summary>
    /// <param name="utf8">The body.</param>
    /// <param name="maxCount">The most objects.</param>
    /// <param name="list">At least one; with faults in their <see cref="Error"/>.</param>
    /// <returns>False where the bytes are neither.</returns>
    public static bool TryParseList(ReadOnlyMemory<byte> utf8, int maxCount, out IReadOnlyList<JsonFields> list)
    {
        list = [];
        try
        {
            JsonDocument document = JsonDocument.Parse(utf8, Options);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Array)
            {
                list = [new JsonFields(document, root, "")];
                return true;
            }

            if (root.GetArrayLength() is > 0 and var count && count <= maxCount)
            {
                List<JsonFields> all = [];
                foreach (JsonElement element in root.EnumerateArray())
                {
                    all.Add(new JsonFields(all.Count == 0 ? document : null, element, string.Create(CultureInfo.InvariantCulture, $"[{all.Count}].")));
                }

                list = all;
                return true;
            }

            document.Dispose();
        }
        catch (JsonException)
        {
            // As above.
        }

        return false;
    }

    public JsonFields Nested(string name, JsonElement element) => new(null, element, _path + name + ".");

    public void TakeError(JsonFields nested) => Error ??= nested.Error;

    public bool TryGet(string name, out JsonElement value)
    {
        _known.Add(name);
        return _values.TryGetValue(name, out value) && value.ValueKind != JsonValueKind.Null;
    }

    /// <summary>The field stands there: with a value, or with null, which takes away what was.</summary>
    public bool Has(string name)
    {
        _known.Add(name);
        return _values.ContainsKey(name);
    }

    public string? String(string name, int minLength, int maxLength)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }

        string? text = Text(value);
        if (text is not null && text.Length >= minLength && text.Length <= maxLength)
        {
            return text;
        }

        Fail(name, value, string.Create(CultureInfo.InvariantCulture, $"a string of {minLength} to {maxLength} characters"));
        return null;
    }

    public string? RequiredString(string name, int maxLength)
    {
        if (!TryGet(name, out _))
        {
            Error ??= new FieldError(_path + name, $"The field \"{_path}{name}\" is missing.", string.Create(CultureInfo.InvariantCulture, $"a string of 1 to {maxLength} characters"));
        }

        return String(name, 1, maxLength);
    }

    /// <summary>The name of a room or participant: <see cref="ResourceName"/>.</summary>
    public string? Name(string name, bool required)
    {
        if (!TryGet(name, out JsonElement value))
        {
            if (required)
            {
                Error ??= new FieldError(_path + name, $"The field \"{_path}{name}\" is missing.", ResourceName.Allowed);
            }

            return null;
        }

        string? text = Text(value);
        if (text is not null && ResourceName.IsValid(text))
        {
            return text;
        }

        Fail(name, value, ResourceName.Allowed);
        return null;
    }

    public bool? Flag(string name)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }

        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return value.ValueKind == JsonValueKind.True;
        }

        Fail(name, value, "true or false");
        return null;
    }

    public int? Whole(string name, int min, int max)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max)
        {
            return number;
        }

        Fail(name, value, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"));
        return null;
    }

    /// <summary>A string, or a whole number.</summary>
    public (string? Text, int? Number) StringOrWhole(string name, int maxLength, int max)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return default;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0 && number <= max)
        {
            return (null, number);
        }

        if (Text(value) is { Length: > 0 } text && text.Length <= maxLength)
        {
            return (text, null);
        }

        Fail(name, value, string.Create(CultureInfo.InvariantCulture, $"a string of 1 to {maxLength} characters, or a whole number from 0 to {max}"));
        return default;
    }

    public double? Number(string name, double min, double max)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max)
        {
            return number;
        }

        Fail(name, value, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
        return null;
    }

    /// <summary>A count or a length: not negative, and 0 where it is absent.</summary>
    public double Counter(string name) => Number(name, 0, MaxCounter) ?? 0;

    /// <summary>RFC 3339.</summary>
    public DateTimeOffset? Time(string name, bool required)
    {
        if (!TryGet(name, out JsonElement value))
        {
            if (required)
            {
                Error ??= new FieldError(_path + name, $"The field \"{_path}{name}\" is missing.", TimeAllowed);
            }

            return null;
        }

        if (value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out DateTimeOffset time))
        {
            return time;
        }

        Fail(name, value, TimeAllowed);
        return null;
    }

    /// <param name="name">The field.</param>
    /// <param name="maxCount">The most entries.</param>
    /// <param name="allowed">The allowed entries; null for any.</param>
    public IReadOnlyList<string>? Strings(string name, int maxCount, string[]? allowed)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }

        List<string> texts = [];
        bool good = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= maxCount;
        for (int index = 0; good && index < value.GetArrayLength(); index++)
        {
            string? text = Text(value[index]);
            good = text is not null && (allowed is null || allowed.Contains(text));
            texts.Add(text ?? "");
        }

        if (good)
        {
            return texts;
        }

        Fail(name, value, $"an array of at most {maxCount} strings" + (allowed is null ? "" : " from " + string.Join(", ", allowed)));
        return null;
    }

    /// <summary>Refuses a field that cannot stand, or be missing, beside the others.</summary>
    public void Require(string name, string allowed) =>
        Error ??= new FieldError(_path + name, $"The field \"{_path}{name}\" does not go with the others.", allowed);

    public void RefuseUnknown()
    {
        foreach (string name in _values.Keys)
        {
            if (!_known.Contains(name))
            {
                Error ??= new FieldError(_path + name, $"There is no field \"{_path}{name}\".", string.Join(", ", _known.Order(StringComparer.Ordinal)));
                return;
            }
        }
    }

    public void Dispose() => _document?.Dispose();

    private void Fail(string name, JsonElement value, string allowed)
    {
        string shown = value.GetRawText();
        shown = shown.Length > 64 ? shown[..64] + "…" : shown;
        Error ??= new FieldError(_path + name, $"The value {shown} of \"{_path}{name}\" is not allowed.", allowed);
    }

    private static bool TryGetName(JsonProperty property, out string name)
    {
        try
        {
            name = property.Name;
            return true;
        }
        catch (InvalidOperationException)
        {
            name = "";
            return false;
        }
    }

    /// <summary>Null where the value is no string, or no well-formed Unicode (a lone surrogate as an escape).</summary>
    private static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
