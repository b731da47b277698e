namespace V100.Turn; internal static class Placeholder;
