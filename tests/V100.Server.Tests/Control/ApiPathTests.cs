using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class ApiPathTests
{
    [Theory]
    [InlineData("/", "/", true)]
    [InlineData("/", "", true)]
    [InlineData("/", "//", false)]
    [InlineData("/v1/rooms", "/v1/rooms", true)]
    [InlineData("/v1/rooms", "/V1/Rooms/", true)]
    [InlineData("/v1/rooms", "/v1/rooms//", false)]
    [InlineData("/v1/rooms", "/v1", false)]
    [InlineData("/v1/rooms/{room}", "/v1/rooms/a%2Fb", true)]
    [InlineData("/v1/rooms/{room}", "/v1/rooms/", false)]
    [InlineData("/v1/rooms/{room}/qoe", "/v1/rooms//qoe", false)]
    [InlineData("/v1/rooms/{room}/qoe", "/v1/rooms/a/whip", false)]
    public void A_pattern_matches_its_paths(string pattern, string path, bool matches) =>
        Assert.Equal(matches, new ApiPath(pattern, []).Matches(ApiPath.SegmentsOf(path)));

    [Fact]
    public void A_parameter_has_its_place()
    {
        ApiPath path = new("/v1/rooms/{room}/participants/{identity}", []);
        Assert.Equal((2, 4, -1), (path.PositionOf("room"), path.PositionOf("identity"), path.PositionOf("id")));
    }
}
