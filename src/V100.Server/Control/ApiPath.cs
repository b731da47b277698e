namespace V100.Server.Control;

/// <summary>A path of the API with everything that may be asked of it. Text is matched without regard to case, as is common; a slash at the end says nothing.</summary>
internal sealed class ApiPath
{
    private readonly string[] _segments;

    /// <param name="pattern">As in <see cref="ApiRoute.Pattern"/>.</param>
    /// <param name="routes">Its operations.</param>
    public ApiPath(string pattern, ApiRoute[] routes)
    {
        _segments = SegmentsOf(pattern);
        Routes = routes;
    }

    public ApiRoute[] Routes { get; }

    public int Length => _segments.Length;

    /// <summary>What stands between the slashes.</summary>
    public static string[] SegmentsOf(string path)
    {
        string[] parts = path.Split('/');
        return parts.Length < 2 ? [] : parts[1..(parts[^1].Length > 0 ? parts.Length : parts.Length - 1)];
    }

    /// <summary>Where the parameter stands, counted from 0; -1 where it is none of this path's.</summary>
    public int PositionOf(string parameter) => Array.IndexOf(_segments, "{" + parameter + "}");

    /// <summary>A parameter takes any segment that is not empty.</summary>
    public bool Matches(string[] segments)
    {
        for (int index = 0; index < _segments.Length && segments.Length == _segments.Length; index++)
        {
            bool matches = _segments[index].StartsWith('{') ? segments[index].Length > 0 : _segments[index].Equals(segments[index], StringComparison.OrdinalIgnoreCase);
            if (!matches)
            {
                return false;
            }
        }

        return segments.Length == _segments.Length;
    }
}
