#include "base/text.hpp"
#include "platform/crypto/checksum.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using enum http::Method;

/// The tus protocol as its specification describes it, over HTTP.
class TusTest : public ControlPlaneTest {
 protected:
  using Headers = std::map<std::string, std::string>;
  static constexpr std::string_view collection = "/api/v1/uploads/tus";

  http::Response send(http::Method method, const std::string& path, const Headers& headers = {},
                      const std::string& body = "", const std::string& bearer = "") {
    http::ClientRequest request{.method = method, .url = url() + path};
    request.headers.set("Authorization", "Bearer " + (bearer.empty() ? token : bearer));
    request.headers.set("Tus-Resumable", "1.0.0");
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    request.body = body;
    return client.send(request);
  }
  std::string begin(const Headers& headers) {
    Headers all = headers;
    all.emplace("Upload-Metadata", "filename " + to_base64("model.onnx"));
    const auto answer = send(post, std::string(collection), all);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_FALSE(answer.headers.get("Upload-Expires").empty());
    return std::string(answer.headers.get("Location"));
  }
  http::Response append(const std::string& address, std::size_t offset, const std::string& body, Headers more = {},
                        http::Method method = patch) {
    more["Content-Type"] = "application/offset+octet-stream";
    more["Upload-Offset"] = std::to_string(offset);
    return send(method, address, more, body);
  }
  std::string offset_of(const std::string& address) {
    const auto answer = send(head, address);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(answer.headers.get("Tus-Resumable"), "1.0.0");
    return std::string(answer.headers.get("Upload-Offset"));
  }
  static std::string sha1(const std::string& bytes) {
    crypto::Checksum hash(crypto::ChecksumAlgorithm::sha1);
    hash.update(bytes);
    return "sha1 " + to_base64(hash.finish());
  }
};

TEST_P(TusTest, TheServerSaysWhatItSpeaks) {
  http::ClientRequest request{.method = options, .url = url() + std::string(collection)};
  const auto answer = client.send(request);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.get("Tus-Version"), "1.0.0");
  EXPECT_EQ(answer.headers.get("Tus-Checksum-Algorithm"), "sha1,sha256");
  EXPECT_FALSE(answer.headers.get("Tus-Max-Size").empty());
  for (const char* extension : {"creation", "creation-with-upload", "creation-defer-length", "checksum", "expiration",
                                "termination", "concatenation"})
    EXPECT_TRUE(answer.headers.get("Tus-Extension").find(extension) != std::string_view::npos) << extension;
}

TEST_P(TusTest, AFileGoesOnWhereItStands) {
  const std::string address = begin({{"Upload-Length", "10"}});
  EXPECT_EQ(offset_of(address), "0");
  const auto first = append(address, 0, "0123");
  EXPECT_EQ(first.status, 204) << first.body;
  EXPECT_EQ(first.headers.get("Upload-Offset"), "4");
  EXPECT_FALSE(first.headers.get("Upload-Expires").empty());
  restart();
  EXPECT_EQ(offset_of(address), "4");
  const auto wrong = append(address, 3, "3456789");
  EXPECT_EQ(wrong.status, 409);
  EXPECT_EQ(wrong.headers.get("Tus-Resumable"), "1.0.0");
  const auto damaged = append(address, 4, "456X", {{"Upload-Checksum", sha1("4567")}});
  EXPECT_EQ(damaged.status, 460) << damaged.body;
  EXPECT_EQ(offset_of(address), "4");
  EXPECT_EQ(append(address, 4, "4567", {{"Upload-Checksum", sha1("4567")}}).status, 204);
  EXPECT_EQ(append(address, 8, "89and more").status, 413);
  EXPECT_EQ(append(address, 8, "89", {{"X-HTTP-Method-Override", "PATCH"}}, post).headers.get("Upload-Offset"), "10");
  const auto told = admin().get(address);
  EXPECT_EQ(told.at("state"), "complete");
  const auto upload = admin().get("/api/v1/uploads/" + std::string(told.at("upload_id").as_string()));
  EXPECT_EQ(upload.at("files").at(0).at("path"), "model.onnx");
  EXPECT_EQ(upload.at("files").at(0).at("sha256"), "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882");
}

TEST_P(TusTest, BytesMayComeWithTheCreationAndTheLengthLater) {
  const Headers with_bytes{{"Content-Type", "application/offset+octet-stream"},
                           {"Upload-Defer-Length", "1"},
                           {"Upload-Metadata", "filename " + to_base64("a")}};
  const auto made = send(post, std::string(collection), with_bytes, "0123");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.headers.get("Upload-Offset"), "4");
  const std::string address(made.headers.get("Location"));
  EXPECT_EQ(send(head, address).headers.get("Upload-Defer-Length"), "1");
  EXPECT_EQ(append(address, 4, "45", {{"Upload-Length", "6"}}).status, 204);
  const auto stands = send(head, address);
  EXPECT_EQ(stands.headers.get("Upload-Length"), "6");
  EXPECT_EQ(stands.headers.get("Upload-Metadata"), "filename YQ==");
  EXPECT_EQ(admin().get(address).at("state"), "complete");
}

TEST_P(TusTest, GivenUpItIsGone) {
  const std::string address = begin({{"Upload-Length", "10"}});
  append(address, 0, "0123");
  EXPECT_EQ(send(delete_, address).status, 204);
  EXPECT_EQ(send(head, address).status, 404);
  EXPECT_EQ(append(address, 4, "4567").status, 404);
}

TEST_P(TusTest, PartsArePutTogether) {
  const std::string a = begin({{"Upload-Length", "3"}, {"Upload-Concat", "partial"}});
  const std::string b = begin({{"Upload-Length", "2"}, {"Upload-Concat", "partial"}});
  append(a, 0, "012");
  append(b, 0, "34");
  EXPECT_EQ(send(head, a).headers.get("Upload-Concat"), "partial");
  const std::string concatenation = "final;" + a + " " + url() + b;
  const std::string whole = begin({{"Upload-Concat", concatenation}});
  const auto stands = send(head, whole);
  EXPECT_EQ(stands.headers.get("Upload-Length"), "5");
  EXPECT_EQ(stands.headers.get("Upload-Concat"), concatenation);
  EXPECT_EQ(append(whole, 5, "x").status, 403);
  EXPECT_EQ(admin().get(whole).at("state"), "complete");
}

TEST_P(TusTest, AnUploadIsNotAnalysedWhileAFileIsOnItsWay) {
  const std::string address = begin({{"Upload-Length", "10"}});
  append(address, 0, "0123");
  const std::string upload(admin().get(address).at("upload_id").as_string());
  const std::string body = reflect::to_json(boost::json::value(boost::json::object{{"upload_id", upload}}));
  const auto analyze = [&] {
    return send(post, "/api/v1/models/analyze", {{"Content-Type", "application/json"}}, body);
  };
  const auto refused = analyze();
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(refused.body.find("on their way: model.onnx.") != std::string::npos) << refused.body;
  append(address, 4, "456789");
  EXPECT_EQ(analyze().status, 202);
}

TEST_P(TusTest, OnlyItsMakerAndWhoSeesAllSeeIt) {
  const std::string mine = member("data-scientist");
  const auto made = send(post, std::string(collection),
                         {{"Upload-Length", "4"}, {"Upload-Metadata", "filename " + to_base64("a")}}, "", mine);
  const std::string address(made.headers.get("Location"));
  EXPECT_EQ(send(head, address, {}, "", mine).status, 200);
  EXPECT_EQ(send(head, address).status, 200);
  EXPECT_EQ(send(head, address, {}, "", member("data-scientist")).status, 404);
  EXPECT_EQ(send(head, address, {}, "", member("viewer")).status, 403);
  const auto other = admin().post("/api/v1/organizations",
                                  boost::json::object{{"name", "globex"}, {"admin_email", "boss@globex.org"}});
  const std::string boss = key_of(std::string(other.at("sign_in_token").as_string()));
  for (const http::Method method : {head, get, patch, delete_})
    EXPECT_EQ(
        send(method, address, {{"Content-Type", "application/offset+octet-stream"}, {"Upload-Offset", "0"}}, "", boss)
            .status,
        404);
}

TEST_P(TusTest, ABrowserSessionNeedsItsCsrfToken) {
  const auto invitation =
      admin().post("/api/v1/members", boost::json::object{{"email", "ada@acme.org"}, {"role", "data-scientist"}});
  http::ClientRequest sign_in{.method = post, .url = url() + "/api/v1/session/link"};
  sign_in.headers.set("Content-Type", "application/json");
  sign_in.body = reflect::to_json(boost::json::value(boost::json::object{{"token", invitation.at("sign_in_token")}}));
  const auto signed_in = client.send(sign_in);
  const std::string cookie(signed_in.headers.get("Set-Cookie"));
  http::ClientRequest create{.method = post, .url = url() + std::string(collection)};
  create.headers.set("Cookie", cookie.substr(0, cookie.find(';')));
  create.headers.set("Tus-Resumable", "1.0.0");
  create.headers.set("Upload-Length", "4");
  create.headers.set("Upload-Metadata", "filename " + to_base64("a"));
  EXPECT_EQ(client.send(create).status, 403);
  create.headers.set("X-CSRF-Token",
                     std::string(reflect::parse_json_value(signed_in.body).at("csrf_token").as_string()));
  EXPECT_EQ(client.send(create).status, 201);
}

TEST_P(TusTest, AQuotaIsSetByWhoRunsTheInstallationAndSeenByAll) {
  cli::Api root = admin();
  const boost::json::value quota = boost::json::object{{"bytes_max", 8}, {"transfers_max", 1}};
  cli::Api scientist = api(member("data-scientist"));
  const std::string path = "/api/v1/organizations/default/storage-quota";
  EXPECT_EQ(status_of(scientist, post, path, reflect::to_json(quota)), 403);
  root.post(path, quota);
  const std::string first = begin({{"Upload-Length", "6"}});
  const auto usage = scientist.get("/api/v1/uploads/usage");
  EXPECT_EQ(usage.at("bytes_pending").to_number<int>(), 6);
  EXPECT_EQ(usage.at("bytes_max").to_number<int>(), 8);
  const Headers more{{"Upload-Length", "3"}, {"Upload-Metadata", "filename " + to_base64("b")}};
  EXPECT_EQ(send(post, std::string(collection), more).status, 413);
  root.post(path, boost::json::object{{"bytes_max", 100}, {"transfers_max", 1}});
  EXPECT_EQ(send(post, std::string(collection), more).status, 429);
  append(first, 0, "012345");
  EXPECT_EQ(send(post, std::string(collection), more).status, 201);
}

MODELOPS_ON_BOTH_DATABASES(TusTest);

}  // namespace
}  // namespace modelops
