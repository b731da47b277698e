namespace V100.Server.Storage;

/// <summary>The store cannot be opened. The message names the key, what is wrong and the way out.</summary>
internal sealed class StoreException(string message, Exception? inner = null) : Exception(message, inner);
