namespace V100.Server.Storage;

/// <summary>Something that is to be written. All its methods are called on the store's own thread; what <see cref="Apply"/> throws drops the write, and the others must not throw.</summary>
internal abstract class StoreWrite
{
    /// <summary>Writes, within a transaction that others share. It may be called again, where the transaction failed and was rolled back.</summary>
    public abstract void Apply(Statements statements);

    /// <summary>It is written, and survives the end of the process.</summary>
    public virtual void OnCommitted()
    {
    }

    /// <summary>It never will be: the database refuses it for what it is, or the store was closed before.</summary>
    public virtual void OnDropped()
    {
    }
}
