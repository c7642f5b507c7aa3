#include "platform/config/config.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <random>

#include "base/id.hpp"
#include "base/text.hpp"

namespace modelops::config {
namespace sample {

using namespace std::chrono_literals;

enum class Level { quiet, normal, loud };
MODELOPS_DESCRIBE_ENUM(Level, quiet, normal, loud)

struct Tls {
  std::string certificate;
  Secret key;
};
MODELOPS_DESCRIBE(Tls, certificate, key);

struct Listener {
  static constexpr reflect::Doc docs[] = {{"port", "Where the API | listens."}};
  reflect::Port port = reflect::Port::of<18087>();
  std::string host = "127.0.0.1";
  std::vector<std::string> origins;
  Duration time_out = Duration::of(10s);
  ByteSize body_max = ByteSize::of(1 << 20);
  Tls tls;
};
MODELOPS_DESCRIBE(Listener, port, host, origins, time_out, body_max, tls);

struct Peer {
  reflect::Slug name;
  int weight = 1;
};
MODELOPS_DESCRIBE(Peer, name, weight);

struct Store {
  reflect::Required<std::string> url;
  std::optional<Secret> password;
  std::optional<std::int64_t> readers;
  bool checked = true;
};
MODELOPS_DESCRIBE(Store, url, password, readers, checked);

struct Program {
  Level level = Level::normal;
  double ratio = 0.5;
  Listener http;
  Store store;
  std::vector<Peer> peers;
  std::map<std::string, int> quotas;
};
MODELOPS_DESCRIBE(Program, level, ratio, http, store, peers, quotas);

struct Section {
  int b_c = 0;
};
MODELOPS_DESCRIBE(Section, b_c);
struct OtherSection {
  int c = 0;
};
MODELOPS_DESCRIBE(OtherSection, c);
struct Ambiguous {
  Section a;
  OtherSection a_b;
};
MODELOPS_DESCRIBE(Ambiguous, a, a_b);

}  // namespace sample
namespace {

using namespace std::chrono_literals;
using sample::Level;
using sample::Program;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() { std::filesystem::create_directory(folder_); }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  /// The violations, as "pointer message", with the folder's path removed.
  std::vector<std::string> refusal(const Sources& sources) {
    std::vector<std::string> out;
    try {
      load<Program>(sources);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::invalid);
      for (const Violation& violation : error.violations) {
        EXPECT_THAT(error.message, HasSubstr(violation.message));
        out.push_back(without_folder(violation.pointer + " " + violation.message));
      }
      if (out.empty()) out.push_back(without_folder(error.message));
    }
    return out;
  }
  std::vector<std::string> file_refusal(std::string_view yaml) {
    return refusal({.file = write("m.yaml", yaml), .overrides = {"--store.url=x"}});
  }

 private:
  std::string without_folder(std::string text) {
    const std::string path = folder_.string() + "/";
    for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path)) text.erase(at, path.size());
    return text;
  }
  std::filesystem::path folder_ = std::filesystem::path(::testing::TempDir()) / ("config_" + new_uuid7());
};

TEST_F(ConfigTest, InitialisersAreTheDefaults) {
  const auto program = load<Program>({.overrides = {"--store.url=x"}});
  EXPECT_EQ(program.level, Level::normal);
  EXPECT_EQ(program.http.port.number(), 18087);
  EXPECT_EQ(program.http.time_out.value(), 10s);
  EXPECT_EQ(program.http.tls.key.reveal(), "");
  EXPECT_FALSE(program.store.password);
}

TEST_F(ConfigTest, ReadsEveryTypeFromEverySource) {
  const std::string yaml = R"(
# a comment
level: loud
ratio: 0.25
http:
  port: 8080
  host: "0"
  origins: [a.example, b.example]
  time_out: 250ms
  body_max: 512MiB
  tls:
    certificate: |
      -----BEGIN
    key: sesame
store:
  url: sqlite:/data/x.db
  password: ~
  readers: 4
  checked: false
peers:
  - name: one
  - {name: two, weight: 7}
quotas: {a: 1, b: -2}
)";
  const auto from_file = load<Program>({.file = write("m.yaml", yaml)});
  EXPECT_EQ(from_file.level, Level::loud);
  EXPECT_EQ(from_file.ratio, 0.25);
  EXPECT_EQ(from_file.http.port.number(), 8080);
  EXPECT_EQ(from_file.http.host, "0");
  EXPECT_THAT(from_file.http.origins, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(from_file.http.time_out.value(), 250ms);
  EXPECT_EQ(from_file.http.body_max.bytes(), 512u << 20);
  EXPECT_EQ(from_file.http.tls.certificate, "-----BEGIN\n");
  EXPECT_EQ(from_file.http.tls.key.reveal(), "sesame");
  EXPECT_EQ(*from_file.store.url, "sqlite:/data/x.db");
  EXPECT_FALSE(from_file.store.password);
  EXPECT_EQ(from_file.store.readers, 4);
  EXPECT_FALSE(from_file.store.checked);
  ASSERT_EQ(from_file.peers.size(), 2u);
  EXPECT_EQ(from_file.peers[1].weight, 7);
  EXPECT_THAT(from_file.quotas, UnorderedElementsAre(std::pair("a", 1), std::pair("b", -2)));

  const auto from_variables = load<Program>({.environment = {{"MODELOPS_LEVEL", "quiet"},
                                                             {"MODELOPS_HTTP_ORIGINS", "a, b"},
                                                             {"MODELOPS_HTTP_BODY_MAX", "1KiB"},
                                                             {"MODELOPS_HTTP_HOST", ""},
                                                             {"MODELOPS_HTTP_TLS_KEY", "k"},
                                                             {"MODELOPS_STORE_URL", "u"},
                                                             {"MODELOPS_STORE_CHECKED", "false"},
                                                             {"MODELOPS_SERVICE_HOST", "of an orchestrator"}}});
  EXPECT_EQ(from_variables.level, Level::quiet);
  EXPECT_THAT(from_variables.http.origins, ElementsAre("a", "b"));
  EXPECT_EQ(from_variables.http.body_max.bytes(), 1024u);
  EXPECT_EQ(from_variables.http.host, "127.0.0.1");
  EXPECT_EQ(from_variables.http.tls.key.reveal(), "k");
  EXPECT_FALSE(from_variables.store.checked);

  const auto from_flags = load<Program>(
      {.overrides = {"--store.url=a=b", "--http.origins=", "--quotas.x.y=3", "--quotas.z=4", "--http.host="}});
  EXPECT_EQ(*from_flags.store.url, "a=b");
  EXPECT_THAT(from_flags.http.origins, ElementsAre());
  EXPECT_THAT(from_flags.quotas, UnorderedElementsAre(std::pair("x.y", 3), std::pair("z", 4)));
  EXPECT_EQ(from_flags.http.host, "");
}

TEST_F(ConfigTest, LaterSourcesWin) {
  Sources sources{
      .file = write("m.yaml", "ratio: nonsense\nhttp: {port: 1, host: file}\nstore: {url: file}\nquotas: {a: 1}\n"),
      .environment = {{"MODELOPS_RATIO", "0.1"}, {"MODELOPS_HTTP_PORT", "2"}, {"MODELOPS_STORE_URL", "variable"}},
      .overrides = {"--http.port=3", "--http.port=4", "--quotas.b=2"}};
  const auto program = load<Program>(sources);
  EXPECT_EQ(program.ratio, 0.1);
  EXPECT_EQ(program.http.port.number(), 4);
  EXPECT_EQ(program.http.host, "file");
  EXPECT_EQ(*program.store.url, "variable");
  EXPECT_THAT(program.quotas, UnorderedElementsAre(std::pair("a", 1), std::pair("b", 2)));
}

TEST_F(ConfigTest, ReportsEverythingAtOnceWithItsSource) {
  const Sources sources{
      .file = write("m.yaml",
                    "levle: loud\nhttp:\n  port: 0\n  proxy: x\npeers:\n- name: ok\n- name: ../x\n  extra: 1\n"
                    "quotas: {a: 1, b: x}\nstore:\n  checked:\n"),
      .environment = {{"MODELOPS_HTTP_TIME_OUT", "soon"}, {"MODELOPS_STORE_READERS", "many"}},
      .overrides = {"--http.body_max=1", "--http.hots=x", "--bare", "--port=1"}};
  EXPECT_THAT(
      refusal(sources),
      UnorderedElementsAre(
          "/levle is not a known setting; did you mean level? (line 1 of m.yaml)",
          "/http/port must be an integer from 1 to 65535 (line 3 of m.yaml)",
          "/http/proxy is not a known setting; did you mean http.port? (line 4 of m.yaml)",
          AllOf(HasSubstr("/peers/1/name must be 1 to 63"), HasSubstr("(line 7 of m.yaml)")),
          "/peers/1/extra is not a known field (line 8 of m.yaml)",
          AllOf(HasSubstr("/quotas/b must be an integer"), HasSubstr("(line 9 of m.yaml)")),
          "/store/checked must be true or false (line 11 of m.yaml)",
          "/http/time_out must be a duration such as 500ms, 10s, 5m, 2h or 7d (variable MODELOPS_HTTP_TIME_OUT)",
          "/store/readers must be an integer (variable MODELOPS_STORE_READERS)",
          AllOf(HasSubstr("/http/body_max must be a size"), HasSubstr("(flag --http.body_max)")),
          "/http/hots is not a known setting; did you mean http.host? (flag --http.hots)",
          "/bare must be written as --section.field=value (flag --bare)",
          "/port is not a known setting; did you mean http.port? (flag --port)",
          "/store/url is required (set it in the configuration file, or MODELOPS_STORE_URL, or --store.url)"));
}

TEST_F(ConfigTest, RefusesYamlThatHidesThings) {
  EXPECT_THAT(file_refusal("http: &a {port: 1}\n"),
              ElementsAre(AllOf(HasSubstr("line 1"), HasSubstr("anchors (&name)"))));
  EXPECT_THAT(file_refusal("level: loud\nhttp: *a\n"), ElementsAre(HasSubstr("m.yaml is refused at line 2")));
  EXPECT_THAT(file_refusal("a: &x 1\nb: *x\n"), ElementsAre(HasSubstr("anchors")));
  EXPECT_THAT(file_refusal("ratio: !!float 1\n"), ElementsAre(HasSubstr("tags (!name)")));
  EXPECT_THAT(file_refusal("http: !x {port: 1}\n"), ElementsAre(HasSubstr("tags (!name)")));
  EXPECT_THAT(file_refusal("level: loud\nlevel: quiet\n"),
              ElementsAre(HasSubstr("line 2, column 1: a key is given twice")));
  EXPECT_THAT(file_refusal("level: loud\n---\nlevel: quiet\n"), ElementsAre(HasSubstr("one document is enough")));
  EXPECT_THAT(file_refusal("[1, 2]: x\n"), ElementsAre(HasSubstr("a key must be a text")));
  EXPECT_THAT(file_refusal("~: x\n"), ElementsAre(HasSubstr("a key must be a text")));
  EXPECT_THAT(file_refusal("- a\n"), ElementsAre(HasSubstr("must be a mapping")));
  EXPECT_THAT(file_refusal("level: [\n"), ElementsAre(HasSubstr("is refused at line")));
  EXPECT_THAT(file_refusal("level: " + std::string(20, '[') + std::string(20, ']') + "\n"),
              ElementsAre(HasSubstr("nested too deeply")));
  EXPECT_THAT(file_refusal("level: " + std::string(100'000, '[')), ElementsAre(HasSubstr("is refused at line 1")));
  EXPECT_THAT(file_refusal("level: " + std::string(100'000, '{')), ElementsAre(HasSubstr("is refused at line 1")));
  EXPECT_THAT(file_refusal("level: \xff\n"), ElementsAre(HasSubstr("UTF-8")));
  EXPECT_THAT(file_refusal(std::string(1'100'000, '#')), ElementsAre(HasSubstr("cannot be read, or is larger")));
  EXPECT_THAT(file_refusal("http.port: 1\n"), ElementsAre(HasSubstr("did you mean http.port?")));
  EXPECT_THAT(file_refusal("http: 1\nstore: [a]\nlevel: {a: 1}\nquotas: 7\n"), ::testing::SizeIs(4));
  EXPECT_THAT(refusal({.file = "/nowhere/m.yaml"}), ElementsAre(HasSubstr("/nowhere/m.yaml cannot be read")));
  for (const std::string_view empty : {"", "---\n", "# only a comment\n", "http:\n"})
    EXPECT_THAT(file_refusal(empty), ElementsAre()) << empty;
}

TEST_F(ConfigTest, SurvivesRandomYaml) {
  std::mt19937 random(4);
  const std::string seed = "level: loud\nhttp: {port: 1, origins: [a, 'b']}\npeers:\n- name: \"x\"\nquotas:\n  a: 1\n";
  constexpr std::string_view marks = "{}[]:-,&*!'\"|>#?%\n \t~@`\\";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes)
      text[random() % text.size()] = random() % 8 == 0 ? static_cast<char>(random()) : marks[random() % marks.size()];
    try {
      EXPECT_EQ(parse_document(text, "m.yaml").kind, Value::Kind::map);
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::invalid) << text;
    }
  }
}

TEST_F(ConfigTest, SecretsComeFromFilesToo) {
  const std::string file = write("secret", "s3same\n");
  const auto password = [](const Sources& sources) { return load<Program>(sources).store.password->reveal(); };
  EXPECT_EQ(password({.environment = {{"MODELOPS_STORE_PASSWORD_FILE", file}}, .overrides = {"--store.url=x"}}),
            "s3same");
  EXPECT_EQ(password({.overrides = {"--store.url=x", "--store.password_file=" + file}}), "s3same");
  const std::string yaml = write("m.yaml", "store: {url: x, password_file: " + file + "}\n");
  EXPECT_EQ(password({.file = yaml}), "s3same");
  EXPECT_EQ(password({.file = yaml, .environment = {{"MODELOPS_STORE_PASSWORD", "other"}}}), "other");

  EXPECT_THAT(
      refusal({.environment = {{"MODELOPS_STORE_PASSWORD_FILE", "/nowhere/secret"}}, .overrides = {"--store.url=x"}}),
      ElementsAre("/store/password must name a readable file of at most 65536 bytes (variable "
                  "MODELOPS_STORE_PASSWORD_FILE)"));
  EXPECT_THAT(refusal({.environment = {{"MODELOPS_STORE_PASSWORD_FILE", write("big", std::string(65537, 'x'))}},
                       .overrides = {"--store.url=x"}}),
              ElementsAre(HasSubstr("must name a readable file")));
  EXPECT_THAT(refusal({.environment = {{"MODELOPS_STORE_PASSWORD_FILE", ::testing::TempDir()}},
                       .overrides = {"--store.url=x"}}),
              ElementsAre(HasSubstr("must name a readable file")));
  EXPECT_THAT(refusal({.environment = {{"MODELOPS_STORE_PASSWORD_FILE", file}, {"MODELOPS_STORE_PASSWORD", "other"}},
                       .overrides = {"--store.url=x"}}),
              ElementsAre(HasSubstr("/store/password is given both itself and as a file")));
}

// Every user of the machine sees the arguments of a program (ps), and the shell keeps them.
TEST_F(ConfigTest, ASecretIsNoArgument) {
  EXPECT_THAT(refusal({.overrides = {"--store.url=x", "--store.password=hunter2"}}),
              ElementsAre("/store/password is a secret, and everybody on this machine sees arguments: set it in "
                          "MODELOPS_STORE_PASSWORD, or name a file that has it in MODELOPS_STORE_PASSWORD_FILE (flag "
                          "--store.password)"));
  EXPECT_THAT(refusal({.environment = {{"MODELOPS_STORE_PASSWORD", "right"}},
                       .overrides = {"--store.url=x", "--store.password=hunter2"}}),
              ElementsAre(AllOf(HasSubstr("is a secret"), Not(HasSubstr("hunter2")))));
}

TEST_F(ConfigTest, SecretsAreNeverRepeated) {
  const auto message = [](const Sources& sources) {
    try {
      load<Program>(sources);
    } catch (const Error& error) {
      return describe_exception(error);
    }
    return std::string();
  };
  EXPECT_THAT(message({.file = write("m.yaml", "store: {password: [hunter2]}\nhttp: {tls: {key: {a: hunter2}}}\n"),
                       .overrides = {"--store.pasword=hunter2", "--ratio=hunter2"}}),
              AllOf(HasSubstr("store.password must be a text (kept secret)"), HasSubstr("http.tls.key must be"),
                    HasSubstr("did you mean store.password?"), Not(HasSubstr("hunter2"))));
  try {
    Sources::of_process(std::vector<std::string>{"--store.password", "hunter2"}, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(describe_exception(error), AllOf(HasSubstr("Argument 1 is not understood"), Not(HasSubstr("hunter2"))));
  }
}

TEST_F(ConfigTest, NoSettingThatIsWrongMakesASecretBeTold) {
  const std::string secret = "xyzzy-s3cr3t";
  const std::string file = write("secret", secret);
  const std::vector<Sources> ways = {
      {.file = write("a.yaml", "store: {url: x, password: " + secret + "}\n")},
      {.file = write("b.yaml", "store: {url: x, password_file: " + file + "}\n")},
      {.environment = {{"MODELOPS_STORE_PASSWORD", secret}}, .overrides = {"--store.url=x"}},
      {.environment = {{"MODELOPS_STORE_PASSWORD_FILE", file}}, .overrides = {"--store.url=x"}},
      {.overrides = {"--store.url=x", "--store.password_file=" + file}},
  };
  for (std::size_t i = 0; i < ways.size(); ++i) {
    EXPECT_EQ(load<Program>(ways[i]).store.password->reveal(), secret) << i;
    for (const char* broken : {"--store.readers=many", "--level=silent", "--store.checked=perhaps", "--peers=a",
                               "--http.port=0", "--store.pasword=1", "--nowhere=1", "--http.time_out=1"}) {
      Sources sources = ways[i];
      sources.overrides.emplace_back(broken);
      try {
        load<Program>(sources);
        ADD_FAILURE() << i << broken;
      } catch (const Error& error) {
        std::string told = describe_exception(error) + error.message + error.detail;
        for (const Violation& violation : error.violations) told += violation.pointer + violation.message;
        EXPECT_THAT(told, Not(HasSubstr("xyzzy"))) << i << broken;
        EXPECT_THAT(told, Not(HasSubstr("s3cr3t"))) << i << broken;
      }
    }
  }
  EXPECT_THAT(reference<Program>(), Not(HasSubstr("xyzzy")));

  // Documents that are broken at the secret itself.
  for (const std::string& yaml :
       {"store: {url: x, password: {" + secret + ": 1, " + secret + ": 2}}\n", "store: {password: [" + secret + "}\n",
        "store:\n  password: " + secret + ": 1\n", "store:\n  password: *" + secret + "\n",
        "store:\n  password: !" + secret + " 1\n", "store:\n  password: &" + secret + " 1\n",
        "store:\n  password: \"" + secret + "\\q\"\n", "store:\n  password: %" + secret + "\n",
        "store:\n  password: '" + secret + "' " + secret + "\n", "store:\n  password: |9x" + secret + "\n"}) {
    const auto told = file_refusal(yaml);
    EXPECT_THAT(told, Not(ElementsAre())) << yaml;
    for (const std::string& line : told) {
      EXPECT_THAT(line, Not(HasSubstr("xyzzy"))) << yaml;
      EXPECT_THAT(line, Not(HasSubstr("escape character: q"))) << yaml;
    }
  }
}

TEST_F(ConfigTest, SourcesOfAProcess) {
  const char* environment[] = {"PATH=/bin", "MODELOPS_CONFIG=/a.yaml", "MODELOPS_LEVEL=loud", "MODELOPS_ODD", nullptr};
  const auto sources = Sources::of_process(std::vector<std::string>{"--http.port=1"}, environment);
  EXPECT_EQ(sources.file, "/a.yaml");
  EXPECT_THAT(sources.environment,
              UnorderedElementsAre(std::pair("MODELOPS_CONFIG", "/a.yaml"), std::pair("MODELOPS_LEVEL", "loud")));
  EXPECT_THAT(sources.overrides, ElementsAre("--http.port=1"));
  EXPECT_EQ(Sources::of_process(std::vector<std::string>{"--config=/b"}, environment).file, "/b");
  EXPECT_EQ(Sources::of_process(std::vector<std::string>{"--config", "/c"}, environment).file, "/c");
  for (const std::string& bad : {"--config", "serve", "--http.port", "-x=1"})
    EXPECT_THROW(Sources::of_process(std::vector<std::string>{bad}, nullptr), Error) << bad;
}

TEST_F(ConfigTest, VariablesMustBeUnambiguous) { EXPECT_THROW(settings_of<sample::Ambiguous>(), Error); }

TEST_F(ConfigTest, ReferenceListsEverySetting) {
  EXPECT_EQ(
      reference<Program>(),
      "| Setting | Type | Default | Variable | Meaning |\n|---|---|---|---|---|\n"
      "| `level` | one of quiet, normal, loud | `normal` | `MODELOPS_LEVEL` |  |\n"
      "| `ratio` | a number | `0.5` | `MODELOPS_RATIO` |  |\n"
      "| `http.port` | an integer from 1 to 65535 | `18087` | `MODELOPS_HTTP_PORT` | Where the API \\| listens. |\n"
      "| `http.host` | a string | `127.0.0.1` | `MODELOPS_HTTP_HOST` |  |\n"
      "| `http.origins` | a list; each must be a string | none | `MODELOPS_HTTP_ORIGINS` |  |\n"
      "| `http.time_out` | a duration such as 500ms, 10s, 5m, 2h or 7d | `10s` | `MODELOPS_HTTP_TIME_OUT` |  |\n"
      "| `http.body_max` | a size such as 100B, 64KiB, 512MiB, 10GiB or 5MB | `1MiB` | `MODELOPS_HTTP_BODY_MAX` |  |\n"
      "| `http.tls.certificate` | a string | none | `MODELOPS_HTTP_TLS_CERTIFICATE` |  |\n"
      "| `http.tls.key` | a text (kept secret) | none | `MODELOPS_HTTP_TLS_KEY` or `MODELOPS_HTTP_TLS_KEY_FILE` |  |\n"
      "| `store.url` | a string | required | `MODELOPS_STORE_URL` |  |\n"
      "| `store.password` | a text (kept secret) | none | `MODELOPS_STORE_PASSWORD` or `MODELOPS_STORE_PASSWORD_FILE` "
      "|  |\n"
      "| `store.readers` | an integer | none | `MODELOPS_STORE_READERS` |  |\n"
      "| `store.checked` | true or false | `true` | `MODELOPS_STORE_CHECKED` |  |\n"
      "| `peers` | a list; each must be an object | none | `MODELOPS_PEERS` |  |\n"
      "| `quotas` | a mapping; each value must be an integer from -2147483648 to 2147483647 | none | "
      "`--quotas.<key>=…` |  |\n");
}

}  // namespace
}  // namespace modelops::config
