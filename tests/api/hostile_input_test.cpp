#include <fstream>

#include "base/text.hpp"
#include "cli/flows.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;
using enum http::Method;

/// What nobody sees but a machine: each in a name, a path and a text.
constexpr const char* invisible[] = {"\\u0000", "\\u0007", "\\u001b[2J", "\\u007f",       "\\u0085", "\\u00ad",
                                     "\\u061c", "\\u200b", "\\u200e",    "\\u200f",       "\\u2028", "\\u202e",
                                     "\\u2066", "\\u2069", "\\ufeff",    "\\udb40\\udc41"};

class HostileInputTest : public ControlPlaneTest {
 protected:
  http::Response send(http::Method method, const std::string& path, const std::string& body = {},
                      const std::string& type = "application/json") {
    http::ClientRequest request{.method = method, .url = url() + path};
    request.headers.set("Authorization", "Bearer " + token);
    if (!body.empty()) request.headers.set("Content-Type", type);
    if (method == patch) request.headers.set("If-Match", "\"1\"");
    request.body = body;
    return client.send(request);
  }

  /// How many rows each table has, but for what the server writes by itself.
  std::map<std::string, std::int64_t> rows() {
    return database->read([](db::Tx& tx) {
      const bool sqlite = tx.dialect() == db::Dialect::sqlite;
      std::map<std::string, std::int64_t> out;
      for (const auto& table : tx.values<std::string>(
               sqlite ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                      : "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'"))
        out[table] = *tx.value<std::int64_t>("SELECT count(*) FROM " + table);
      for (const char* own :
           {"leases", "event_heads", "audit_nodes", "audit_trees", "audit_heads", "audit_keys", "gateway_snapshots"})
        out.erase(own);
      return out;
    });
  }

  /// What a refused upload leaves is removed a moment after the answer; anything else that changed stays changed.
  void expect_unchanged(const std::map<std::string, std::int64_t>& before) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    auto after = rows();
    while (after != before && std::chrono::steady_clock::now() < patience) after = rows();
    for (const auto& [table, count] : after) EXPECT_EQ(count, before.at(table)) << table;
  }

  /// The answer is a 4xx problem that says what is wrong, at each of these fields.
  void expect_refusal(const http::Response& answer, const std::set<std::string>& pointers, const std::string& what) {
    EXPECT_GE(answer.status, 400) << what << answer.body;
    EXPECT_LT(answer.status, 500) << what << answer.body;
    ASSERT_EQ(answer.headers.get("Content-Type"), "application/problem+json") << what << answer.body;
    const auto problem = reflect::parse_json_value(answer.body, {.depth_max = 8}).as_object();
    EXPECT_EQ(problem.at("status").to_number<int>(), answer.status) << what;
    EXPECT_FALSE(problem.at("detail").as_string().empty()) << what;
    EXPECT_TRUE(problem.contains("request_id")) << what;
    std::set<std::string> named;
    if (const auto* violations = problem.if_contains("violations")) {
      for (const auto& violation : violations->as_array()) {
        named.emplace(violation.at("pointer").as_string());
        EXPECT_FALSE(violation.at("message").as_string().empty()) << what;
      }
    }
    for (const std::string& pointer : pointers)
      EXPECT_TRUE(named.contains(pointer)) << what << ": " << pointer << " is not named in " << answer.body;
  }
  void expect_refusal(http::Method method, const std::string& path, const std::string& body,
                      const std::set<std::string>& pointers) {
    expect_refusal(send(method, path, body), pointers,
                   fmt::format("{} {} {} ", http::method_name(method), path, body.substr(0, 200)));
  }

  /// Every operation of the API that people call, with a path whose parameters are well formed.
  struct Operation {
    http::Method method;
    std::string path;
    boost::json::object described;
  };
  std::vector<Operation> operations() {
    std::vector<Operation> out;
    const auto document = reflect::parse_json_value(plane->document(), {.depth_max = 64});
    for (const auto& [path, methods] : document.at("paths").as_object()) {
      // Machines sign their requests, so that a body that is not theirs is refused before it is read.
      if (path.find("/machines/") != std::string::npos || path.find("/gateway/snapshot") != std::string::npos) continue;
      for (const auto& [name, operation] : methods.as_object()) {
        std::string upper(name);
        for (char& c : upper) c = static_cast<char>(std::toupper(c));
        std::string filled(path);
        const auto* parameters = operation.as_object().if_contains("parameters");
        for (const auto& parameter : parameters != nullptr ? parameters->as_array() : boost::json::array()) {
          if (parameter.at("in") != "path") continue;
          const std::string placeholder = "{" + std::string(parameter.at("name").as_string()) + "}";
          filled.replace(filled.find(placeholder), placeholder.size(), example_of(parameter.at("schema").as_object()));
        }
        out.push_back({*http::parse_method(upper), filled, operation.as_object()});
      }
    }
    return out;
  }
  static std::string example_of(const boost::json::object& schema) {
    const auto* pattern = schema.if_contains("pattern");
    if (schema.at("type") == "integer") return "1";
    if (pattern == nullptr) return "digits";
    const std::string text(pattern->as_string());
    if (text == "^[0-9a-f]{64}$") return std::string(64, '0');
    if (text.ends_with("_[0-9a-f]{32}$")) return text.substr(1, 4) + std::string(32, '0');
    return "production";
  }
  static const boost::json::object* body_of(const Operation& operation) {
    const auto* body = operation.described.if_contains("requestBody");
    if (body == nullptr) return nullptr;
    const auto* json = body->at("content").as_object().if_contains("application/json");
    return json == nullptr ? nullptr : &json->at("schema").as_object();
  }
  static bool has_query(const Operation& operation, std::string_view name) {
    const auto* parameters = operation.described.if_contains("parameters");
    if (parameters == nullptr) return false;
    for (const auto& parameter : parameters->as_array())
      if (parameter.at("in") == "query" && parameter.at("name").as_string() == name) return true;
    return false;
  }

  /// A whole file in one request of the tus protocol.
  http::Response put_file(const std::string& upload, const std::string& path, const std::string& content,
                          const std::string& more = "") {
    return tus(http::Method::post, "", content,
               {{"Upload-Length", std::to_string(content.size())},
                {"Upload-Metadata", fmt::format("upload {},path {}{}", to_base64(upload), to_base64(path), more)}});
  }
  http::Response tus(http::Method method, const std::string& path, const std::string& content,
                     const std::map<std::string, std::string>& headers) {
    http::ClientRequest request{.method = method, .url = url() + "/api/v1/uploads/tus" + path};
    request.headers.set("Authorization", "Bearer " + token);
    request.headers.set("Tus-Resumable", "1.0.0");
    request.headers.set("Content-Type", "application/offset+octet-stream");
    for (const auto& [name, value] : headers) {
      if (value == "-")
        request.headers.remove(name);
      else
        request.headers.set(name, value);
    }
    request.body = content;
    return client.send(request);
  }
  std::string new_upload() {
    return std::string(admin().post("/api/v1/uploads", boost::json::object()).at("id").as_string());
  }
};

TEST_P(HostileInputTest, EveryBodyIsCheckedFieldByField) {
  const auto before = rows();
  int bodies = 0;
  for (const Operation& operation : operations()) {
    const auto* schema = body_of(operation);
    if (schema == nullptr) continue;
    ++bodies;
    boost::json::object wrong{{"nonsense", 1}};
    std::set<std::string> pointers{"/nonsense"};
    for (const auto& [name, property] : schema->at("properties").as_object()) {
      // No field takes an array of an array of an object.
      wrong[name] = boost::json::array{boost::json::array{boost::json::object{{"x", 1}}}};
      pointers.insert("/" + std::string(name));
    }
    const auto answer = send(operation.method, operation.path, reflect::to_json(boost::json::value(wrong)));
    EXPECT_EQ(answer.status, 422) << operation.path << answer.body;
    // A list tells its element.
    std::set<std::string> named;
    const auto problem = reflect::parse_json_value(answer.body, {.depth_max = 8});
    for (const auto& violation : problem.at("violations").as_array()) {
      const std::string pointer(violation.at("pointer").as_string());
      named.insert(pointer.substr(0, pointer.find('/', 1)));
    }
    for (const std::string& pointer : pointers)
      EXPECT_TRUE(named.contains(pointer)) << operation.path << pointer << answer.body;

    const std::string first = schema->at("properties").as_object().begin()->key();
    expect_refusal(operation.method, operation.path, "{", {});
    expect_refusal(operation.method, operation.path, "[]", {""});
    expect_refusal(operation.method, operation.path, "null", {""});
    expect_refusal(operation.method, operation.path, "\xff\xfe{\"a\":1}", {});
    expect_refusal(operation.method, operation.path, fmt::format(R"({{"{0}":null,"{0}":null}})", first), {"/" + first});
    expect_refusal(operation.method, operation.path,
                   fmt::format(R"({{"{}":{}{}}})", first, std::string(1000, '['), std::string(1000, ']')), {});
    expect_refusal(operation.method, operation.path + "?nonsense=1", "{}", {"/nonsense"});
    expect_refusal(send(operation.method, operation.path, "a=1", "application/x-www-form-urlencoded"), {},
                   operation.path);
  }
  EXPECT_GT(bodies, 25);
  expect_unchanged(before);
}

TEST_P(HostileInputTest, EveryListChecksItsPageItsFilterAndItsOrder) {
  const auto before = rows();
  int lists = 0;
  for (const Operation& operation : operations()) {
    const auto refused = [&](const std::string& name, const std::string& value) {
      expect_refusal(operation.method, operation.path + "?" + name + "=" + http::percent_encode(value), {},
                     {"/" + name});
    };
    if (has_query(operation, "page_size")) {
      for (const char* size : {"0", "-1", "1001", "1.5", "x", "", "99999999999999999999"}) refused("page_size", size);
    }
    if (operation.method == get) expect_refusal(get, operation.path + "?nonsense=1", {}, {"/nonsense"});
    if (!has_query(operation, "filter") || operation.path.find("digits") != std::string::npos) continue;
    ++lists;
    std::string alternatives = "id = 'a'";
    while (alternatives.size() < 3500) alternatives += " OR id = 'a'";
    for (const std::string& filter :
         {std::string("nonsense"), std::string("nonsense = 1"), std::string("id = "), std::string("id = 'a"),
          std::string("id = 'a' --"), std::string("id = 'a'; DROP TABLE models"), std::string("id = '\0'", 8),
          std::string("id = '\xff'"), std::string(1000, '(') + "id = 'a'" + std::string(1000, ')'), alternatives,
          std::string(6000, 'a')})
      refused("filter", filter);
    for (const char* order : {"nonsense", "id up", "id,id", "id;", ","}) refused("order_by", order);
    for (const std::string& page : {std::string("x"), std::string("bm9uc2Vuc2U"), std::string(6000, 'A')})
      refused("page_token", page);
    const auto huge = send(get, operation.path + "?filter=" + std::string(100'000, 'a'));
    EXPECT_EQ(huge.status, 431) << operation.path;
  }
  EXPECT_GT(lists, 7);
  expect_unchanged(before);
}

TEST_P(HostileInputTest, APageTokenIsOfItsOwnListFilterAndOrder) {
  cli::Api root = admin();
  for (const char* name : {"a", "b", "c"}) {
    root.post("/api/v1/models", boost::json::object{{"name", name}});
    root.post("/api/v1/targets", boost::json::object{{"name", name}});
  }
  const std::string models(root.get("/api/v1/models?page_size=1").at("next_page_token").as_string());
  EXPECT_EQ(send(get, "/api/v1/models?page_size=1&page_token=" + models).status, 200);
  for (const std::string& other : {"/api/v1/models?filter=name%20%3D%20'a'&", "/api/v1/models?order_by=name%20desc&",
                                   "/api/v1/approvals?", "/api/v1/audit/records?", "/api/v1/operations?"})
    expect_refusal(get, other + "page_token=" + models, {}, {"/page_token"});
}

TEST_P(HostileInputTest, NamesAndTextsHoldNothingInvisible) {
  const std::string digits = new_upload();
  const auto before = rows();
  for (const std::string& text : invisible) {
    const std::string hostile = "a" + text + "b";
    const auto q = [&](const std::string& body) {
      std::string out = body;
      for (std::size_t at = out.find('@'); at != std::string::npos; at = out.find('@', at + hostile.size()))
        out.replace(at, 1, hostile);
      return out;
    };
    expect_refusal(post, "/api/v1/models", q(R"({"name":"@","display_name":"@","description":"@","engine":"@"})"),
                   {"/name", "/display_name", "/description", "/engine"});
    expect_refusal(post, "/api/v1/models", q(R"({"name":"ok","tags":{"stage":"@"}})"), {"/tags/stage"});
    expect_refusal(
        post, "/api/v1/deployments",
        q(R"({"name":"@","description":"@","model":"m@v","target":"t","model_file":"@",)"
          R"("environment_variables":[{"type":"literal","name":"@","value":"@"}]})"),
        {"/name", "/description", "/model_file", "/environment_variables/0/name", "/environment_variables/0/value"});
    expect_refusal(post, "/api/v1/environments", q(R"({"name":"@","description":"@"})"), {"/name", "/description"});
    expect_refusal(post, "/api/v1/uploads", q(R"({"name":"@"})"), {"/name"});
    expect_refusal(post, "/api/v1/members", q(R"({"email":"@x.org","role":"viewer","display_name":"@"})"),
                   {"/email", "/display_name"});
    expect_refusal(post, "/api/v1/api-keys", q(R"({"name":"@"})"), {"/name"});
    expect_refusal(patch, "/api/v1/organization", q(R"({"display_name":"@"})"), {"/display_name"});
    expect_refusal(post, "/api/v1/approvals/apr_" + std::string(32, '0') + "/decision",
                   q(R"({"decision":"approve","comment":"@"})"), {"/comment"});
    const auto path = reflect::parse_json_value("\"" + hostile + "\"");
    // A zero byte is no text of the header's in the first place.
    expect_refusal(put_file(digits, std::string(path.as_string()), "x"),
                   {text == "\\u0000" ? "/Upload-Metadata" : "/path"}, text);
  }
  for (const char* name : {"LD_PRELOAD", "PATH", "A=B", "1A", "A B", "..", ""})
    expect_refusal(post, "/api/v1/deployments",
                   fmt::format(R"({{"name":"d","model":"m","target":"t",)"
                               R"("environment_variables":[{{"type":"literal","name":"{}","value":"x"}}]}})",
                               name),
                   {"/environment_variables/0/name"});
  for (const char* name : {"..", "a..b", "../a", "a/b", ".a", "A", " "}) {
    for (const char* collection : {"models", "teams", "targets", "gateways", "environments", "roles"}) {
      const std::string more = std::string_view(collection) == "roles" ? R"(,"permissions":["*:read"])" : "";
      expect_refusal(post, fmt::format("/api/v1/{}", collection), fmt::format(R"({{"name":"{}"{}}})", name, more),
                     {"/name"});
    }
  }
  expect_unchanged(before);
}

TEST_P(HostileInputTest, AnUploadKeepsOnlyWhatItShould) {
  const std::string upload = new_upload();
  const auto before = rows();
  const auto put = [&](const std::string& path, const std::string& more = "") {
    return put_file(upload, path, "content", more);
  };
  for (const std::string path : {"..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", ".", "a/./b", "a\\b", "a\nb",
                                 "\xE2\x80\xAEgpj.onnx", ""})
    expect_refusal(put(path), {"/path"}, path);
  expect_refusal(put(std::string(513, 'a')), {"/path"}, "long");
  expect_refusal(put(std::string("a\0b", 3)), {"/Upload-Metadata"}, "NUL");
  expect_refusal(put("\xC0\xAE\xC0\xAE/x"), {"/Upload-Metadata"}, "not UTF-8");
  expect_refusal(put("a", ",path YQ=="), {"/Upload-Metadata"}, "twice");
  expect_refusal(put("a", ",sha256 " + to_base64("x")), {"/sha256"}, "digest");
  expect_refusal(put("a", ",unpack " + to_base64("maybe")), {"/unpack"}, "unpack");
  expect_refusal(put("a", ",unpack " + to_base64("true")), {}, "no archive");
  expect_refusal(put("a", ",sha256 " + to_base64(std::string(64, '0'))), {"/sha256"}, "digest");
  expect_unchanged(before);
  EXPECT_TRUE(admin().get("/api/v1/uploads/" + upload).at("files").as_array().empty());
}

TEST_P(HostileInputTest, TheHeadersOfTheTusProtocolAreChecked) {
  using Headers = std::map<std::string, std::string>;
  const auto before = rows();
  const std::string named = "filename " + to_base64("a");
  const std::vector<std::pair<int, Headers>> refused = {
      {412, {{"Tus-Resumable", "0.2.2"}, {"Upload-Length", "7"}, {"Upload-Metadata", named}}},
      {412, {{"Tus-Resumable", "-"}, {"Upload-Length", "7"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Metadata", named}}},
      {400, {{"Upload-Length", "-7"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Length", "1e3"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Length", "99999999999999999999"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Defer-Length", "1"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Defer-Length", "2"}, {"Upload-Metadata", named}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Metadata", "a,,b"}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Metadata", named}, {"Upload-Checksum", "md5 AAAA"}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Metadata", named}, {"Upload-Checksum", "sha1 AAAA"}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Concat", "both"}}},
      {400, {{"Upload-Length", "7"}, {"Upload-Metadata", named}, {"Upload-Concat", "final;/x"}}},
      {404, {{"Upload-Metadata", named}, {"Upload-Concat", "final;/x/../../y"}}},
      {413, {{"Upload-Length", "4611686018427387904"}, {"Upload-Metadata", named}}},
      {415, {{"Upload-Length", "7"}, {"Upload-Metadata", named}, {"Content-Type", "text/plain"}}},
      {422, {{"Upload-Length", "7"}}},
      {422, {{"Upload-Length", "7"}, {"Upload-Metadata", named + ",upload " + to_base64("../x")}}}};
  for (const auto& [status, headers] : refused) {
    const auto answer = tus(post, "", "content", headers);
    std::string shown;
    for (const auto& [name, value] : headers) shown += name + ": " + value + "; ";
    EXPECT_EQ(answer.status, status) << shown << answer.body;
    EXPECT_EQ(answer.headers.get("Tus-Resumable"), "1.0.0") << shown;
    expect_refusal(answer, {}, shown);
  }
  expect_unchanged(before);
}

TEST_P(HostileInputTest, ABodyThatIsTooLargeIsNotRead) {
  const auto before = rows();
  const std::string large = "{\"name\":\"" + std::string(100'000'000, 'a') + "\"}";
  for (const char* path : {"/api/v1/models", "/api/v1/deployments", "/api/v1/uploads", "/api/v1/session"}) {
    const auto answer = send(post, path, large);
    EXPECT_EQ(answer.status, 413);
    expect_refusal(answer, {}, path);
  }
  expect_unchanged(before);
}

/// Malformed files are kept as they came, but nothing is made of them.
TEST_P(HostileInputTest, AMalformedModelFileIsNamedAndBecomesNoModel) {
  cli::Api root = admin();
  const std::filesystem::path sources = MODELOPS_SOURCE_DIR;
  std::ifstream sound(sources / "examples" / "digits" / "digits.onnx", std::ios::binary);
  const std::string digits(std::istreambuf_iterator<char>(sound), {});
  std::vector<std::pair<std::string, std::string>> files;  // name, content
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{2}, std::size_t{100}, digits.size() / 2, digits.size() - 1})
    files.emplace_back("cut.onnx", digits.substr(0, size));
  const std::map<std::string, std::set<std::string>> corpora = {
      {"onnx", {"truncated", "varint-bomb", "length-bomb", "dimension-overflow", "external-traversal"}},
      {"gguf",
       {"truncated", "huge-array", "huge-counts", "huge-text", "key-twice", "offset-outside", "shape-overflow"}},
      {"safetensors",
       {"truncated", "header-beyond-file", "header-too-large", "hole", "key-twice", "overlap", "shape-overflow",
        "trailing"}}};
  for (const auto& [format, names] : corpora) {
    files.emplace_back("empty." + format, "");
    files.emplace_back("text." + format, "this is not a model");
    for (const std::string& name : names) {
      std::ifstream file(sources / "tests" / "fuzz" / "corpus" / format / name, std::ios::binary);
      files.emplace_back(name + "." + format, std::string(std::istreambuf_iterator<char>(file), {}));
    }
  }
  for (const auto& [name, content] : files) {
    const std::string upload = new_upload();
    ASSERT_EQ(put_file(upload, name, content).status, 201) << name;
    const std::string operation(
        root.post("/api/v1/models/analyze", boost::json::object{{"upload_id", upload}}).at("id").as_string());
    EXPECT_THROW(cli::wait_for_operation(root, operation, name), Error) << name;
    const auto ended = root.get("/api/v1/operations/" + operation);
    EXPECT_EQ(ended.at("state"), "failed") << name;
    ASSERT_TRUE(ended.at("problem").is_object()) << name << reflect::to_json(ended);
    EXPECT_EQ(ended.at("problem").at("status").to_number<int>(), 422) << name << reflect::to_json(ended);
    EXPECT_THAT(std::string(ended.at("problem").at("detail").as_string()), HasSubstr(name));
    const auto before = rows();
    expect_refusal(post, "/api/v1/models", fmt::format(R"({{"name":"m","analysis_operation_id":"{}"}})", operation),
                   {"/analysis_operation_id"});
    expect_unchanged(before);
  }
  EXPECT_TRUE(root.get("/api/v1/models").at("items").as_array().empty());
}

MODELOPS_ON_BOTH_DATABASES(HostileInputTest);

}  // namespace
}  // namespace modelops
