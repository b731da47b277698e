using System.Text.Json;

namespace V100.Load;

/// <summary>Results as files.</summary>
internal static class LoadJson
{
    private static readonly JsonSerializerOptions _options = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes a result to <paramref name="path"/>, or nothing where that is null.</summary>
    /// <exception cref="LoadFailedException">The file cannot be written.</exception>
    public static void Write<T>(T result, string? path)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            File.WriteAllText(path, JsonSerializer.Serialize(result, _options));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new LoadFailedException($"cannot write {path}: {failure.Message}");
        }
    }
}
