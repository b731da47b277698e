namespace V100.Sfu.Rooms;

/// <summary>
/// Names in the order of their UTF-16 units, to read a page from: what comes and goes meanwhile moves no other name from one page to another.
/// </summary>
internal sealed class NameOrder
{
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);

    public void Add(string name) => _names.Add(name);

    public void Remove(string name) => _names.Remove(name);

    /// <param name="after">Where the page begins, itself not on it, and there or not; null for the beginning.</param>
    /// <param name="count">The most of them.</param>
    public List<string> Take(string? after, int count)
    {
        List<string> page = [];
        if (count == 0 || _names.Max is not { } last || after is not null && string.CompareOrdinal(after, last) >= 0)
        {
            return page;
        }

        foreach (string name in after is null ? _names : _names.GetViewBetween(after, last))
        {
            if (name == after)
            {
                continue;
            }

            page.Add(name);
            if (page.Count == count)
            {
                break;
            }
        }

        return page;
    }
}
