namespace V100.Tidy.Tests;

/// <summary>The measure itself is measured, or a rule could never fail.</summary>
public sealed class CSharpTextTests
{
    [Fact]
    public void Comments_and_literals_are_no_code()
    {
        string code = CSharpText.Code("""
            int a; // unsafe {
            /* unsafe */ string b = "unsafe {", c = $"{Join("}", x)} unsafe {{", d = @"\", e = 'f' + '"' + '\'' + "\"unsafe";
            int g;
            """);
        Assert.DoesNotContain("unsafe", code, StringComparison.Ordinal);
        Assert.DoesNotContain("{", code, StringComparison.Ordinal);
        Assert.Contains("int g;", code, StringComparison.Ordinal);
        Assert.Equal(3, code.Split('\n').Length);
    }

    [Fact]
    public void Functions_are_members_with_a_body()
    {
        IReadOnlyList<FunctionSpan> functions = CSharpText.Functions("""
            namespace N;
            class C<T>(int x) : B where T : class
            {
                private static readonly int[] _table = new int[]
                {
                    1,
                };

                public int Property { get; set; }

                public void F(
                    int a = 0)
                {
                    if (a > 0)
                    {
                        string s = $"{a}}}";
                    }
                }

                struct Inner
                {
                    int G() { return 1; }
                }
            }
            """);
        Assert.Equal(["public int Property", "public void F( int a = 0)", "int G()"], functions.Select(function => function.Header));
        Assert.Equal((11, 18), (functions[1].FirstLine, functions[1].LastLine));
        Assert.Equal(1, functions[2].LineCount);
    }
}
