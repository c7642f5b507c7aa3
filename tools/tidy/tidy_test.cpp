#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tidy/layers.hpp"
#include "tidy/rules.hpp"

namespace modelops::tidy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A small tree in a folder of its own; each folder below src/ gets its README.md.
class TidyTest : public ::testing::Test {
 protected:
  TidyTest() {
    std::string name = (std::filesystem::temp_directory_path() / "tidy.XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~TidyTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
    for (auto folder = (root_ / path).parent_path(); folder != root_ && path.starts_with("src/");
         folder = folder.parent_path()) {
      if (folder != root_ / "src" && !exists(folder / "README.md")) std::ofstream(folder / "README.md") << "# x\n";
    }
  }

  /// "path:line: message" of every finding.
  std::vector<std::string> findings() const {
    std::vector<std::string> texts;
    for (const auto& f : check(read_tree(root_))) {
      texts.push_back(f.path + ":" + std::to_string(f.line) + ": " + f.message);
    }
    return texts;
  }

  std::filesystem::path root_;
};

TEST_F(TidyTest, a_tidy_tree_has_no_findings) {
  write("src/base/id.hpp", "#pragma once\n");
  write("src/registry/types.hpp", "#pragma once\n#include \"base/id.hpp\"\n");
  write("src/deployments/rules.cpp", "#include \"registry/types.hpp\"\nint port = 8'080;\n");
  write("ARCHITECTURE.md", "`base/` `registry/` `deployments/`, see [the types](src/registry/types.hpp#top)\n");
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(TidyTest, an_include_against_the_order_is_found_with_its_line) {
  write("src/registry/types.hpp", "#pragma once\n");
  write("src/base/id.hpp", "#pragma once\n\n#include \"registry/types.hpp\"\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/id.hpp:3: base may not know registry")));
}

TEST_F(TidyTest, an_include_that_does_not_start_at_src_is_found) {
  write("src/base/id.hpp", "#pragma once\n");
  write("src/base/id.cpp", "#include \"id.hpp\"\n");
  EXPECT_THAT(findings(), Contains(HasSubstr("write includes from src/")));
}

TEST_F(TidyTest, tests_may_include_the_support_of_tests) {
  write("tests/support/clock.hpp", "#pragma once\n");
  write("src/base/time_test.cpp", "#include \"tests/support/clock.hpp\"\n");
  write("src/base/time.cpp", "#include \"tests/support/clock.hpp\"\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/time.cpp:1: no file")));
}

TEST(Layers, who_may_include_whom) {
  struct Case {
    std::string_view from, to;
    bool allowed;
  };
  for (const auto& [from, to, allowed] : {
           Case{"reflect/json.hpp", "base/error.hpp", true},
           Case{"base/error.hpp", "reflect/json.hpp", false},
           Case{"platform/http/server.cpp", "platform/db/database.hpp", true},
           Case{"platform/http/server.cpp", "identity/types.hpp", false},
           Case{"registry/service.cpp", "identity/service.hpp", true},
           Case{"registry/service.cpp", "identity/store.hpp", false},
           Case{"registry/service.cpp", "registry/store.hpp", true},
           Case{"registry/service.cpp", "deployments/types.hpp", false},
           Case{"registry/service_test.cpp", "identity/store.hpp", true},
           Case{"registry/service_test.cpp", "deployments/types.hpp", false},
           Case{"registry/service.cpp", "adapters/s3/blobs.hpp", false},
           Case{"registry/service.cpp", "formats/gguf.hpp", false},
           Case{"governance/gates/rules.cpp", "deployments/ports.hpp", true},
           Case{"adapters/s3/blobs.cpp", "registry/ports.hpp", true},
           Case{"adapters/s3/blobs.cpp", "registry/service.hpp", false},
           Case{"formats/gguf.cpp", "reflect/json.hpp", true},
           Case{"formats/gguf.cpp", "adapters/s3/blobs.hpp", false},
           Case{"dataplane/proxy/route.cpp", "gateway/types.hpp", true},
           Case{"dataplane/agent/poll.cpp", "targets/wire.hpp", true},
           Case{"dataplane/agent/poll.cpp", "targets/store.hpp", false},
           Case{"cli/models.cpp", "registry/types.hpp", false},
           Case{"apps/serve.cpp", "registry/store.hpp", true},
       }) {
    EXPECT_EQ(include_advice(from, to).empty(), allowed) << from << " includes " << to;
  }
}

TEST_F(TidyTest, a_folder_outside_the_order_is_found) {
  write("src/things/a.cpp", "\n");
  EXPECT_THAT(findings(), Contains(HasSubstr("src/things:0: place this folder in the order")));
}

TEST_F(TidyTest, a_web_folder_is_called_like_its_capability) {
  write("web/src/registry/pages/list.tsx", "\n");
  write("web/src/kit/button.tsx", "\n");
  write("web/src/models/list.tsx", "\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("web/src/models:0: name it as the capability it shows")));
}

TEST_F(TidyTest, the_folder_map_names_the_web_app) {
  write("web/src/kit/button.tsx", "\n");
  write("ARCHITECTURE.md", "no word\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("does not name web/")));
}

TEST_F(TidyTest, what_features_share_knows_no_feature) {
  write("web/src/kit/button.tsx",
        "import { cx } from \"@/lib/cx\";\nimport { api } from \"@/api/client\";\n"
        "import \"@/styles.css\";\nimport { page } from \"@/kit/page\";\n");
  write("web/src/lib/cx.ts", "import { Button } from \"@/kit/button\";\n");
  write("web/src/registry/list.tsx", "import { Button } from \"@/kit/button\";\nimport \"@/home/home\";\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("web/src/kit/button.tsx:2: kit may not know api"),
                                      HasSubstr("web/src/lib/cx.ts:1: lib may not know kit")));
}

TEST_F(TidyTest, names_that_say_nothing_are_found) {
  write("src/base/string_util.cpp", "struct ModelManager {};\nstruct Utilisation {};\nenum class CommonKind {};\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("string_util.cpp:0: the file name 'util'"),
                                      HasSubstr("string_util.cpp:1: the type name 'ModelManager'"),
                                      HasSubstr("string_util.cpp:3: the type name 'CommonKind'")));
}

TEST_F(TidyTest, banned_calls_are_found_in_code_only) {
  write("src/base/run.cpp",
        "// popen is not used here\n"
        "const char* text = \"popen(\\\"ls\\\")\";\n"
        "const char* raw = R\"x(GTEST_SKIP() \" )x\";\n"
        "auto file = popen(text, \"r\");\n"
        "int my_popen_count = 0;\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/run.cpp:4: popen: ")));
}

TEST_F(TidyTest, sleeping_is_for_programs_not_for_tests) {
  write("src/base/wait.cpp", "void f() { std::this_thread::sleep_for(t); }\n");
  write("src/base/wait_test.cpp", "void f() { std::this_thread::sleep_for(t); }\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/wait_test.cpp:1: sleep_for: ")));
}

TEST_F(TidyTest, tests_that_do_not_run_are_found) {
  write("src/base/a_test.cpp", "TEST(A, DISABLED_b) {}\nTEST(A, c) { GTEST_SKIP(); }\n");
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("a_test.cpp:1: a disabled test"), HasSubstr("a_test.cpp:2: GTEST_SKIP")));
}

TEST_F(TidyTest, database_code_does_not_use_broken_down_time) {
  write("src/platform/db/time.cpp", "std::tm t;\n");
  write("src/base/time.cpp", "std::tm t;\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/platform/db/time.cpp:1: std::tm")));
}

TEST_F(TidyTest, layout_is_checked) {
  write("src/base/a.hpp", "int a;\n");
  write("src/base/b.cpp", "int b;");
  write("src/base/c.cpp", "\tint c;\n");
  write("src/base/d.cpp", "//" + std::string(119, 'x') + "\n");
  write("src/base/e.cpp", "// " + std::string(58, 'x') + "ééééé" + std::string(54, 'x') + "\n");
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("a.hpp:1: start the header with #pragma once"),
                          HasSubstr("b.cpp:0: end the file with a newline"), HasSubstr("c.cpp:1: indent with blanks"),
                          HasSubstr("d.cpp:1: keep lines within 120 columns")));
}

TEST_F(TidyTest, long_files_are_found_unless_listed) {
  std::string text;
  for (int i = 0; i < 701; ++i) text += "\n";
  write("src/base/long.cpp", text);
  write("src/base/long_test.cpp", text);
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/long.cpp:0: has 701 lines")));
  write("tools/tidy/long_files.txt", "src/base/long.cpp  one table\n");
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(TidyTest, folders_have_a_short_readme) {
  write("src/base/a.cpp", "\n");
  std::filesystem::remove(root_ / "src/base/README.md");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base:0: write a README.md")));
  write("src/base/README.md", std::string(26, '\n'));
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("src/base/README.md:0: keep a folder's README.md within 25 lines")));
}

TEST_F(TidyTest, the_folder_map_names_every_folder) {
  write("src/base/a.cpp", "\n");
  write("src/audit/a.cpp", "\n");
  write("ARCHITECTURE.md", "`base/` is first\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("ARCHITECTURE.md:0: the folder map does not name src/audit/")));
}

TEST_F(TidyTest, links_lead_somewhere) {
  write("docs/guides/first.md",
        "[a](../adr/0001.md) [b](missing.md) [c](https://example.org/x.md) [d](#here)\n"
        "```\n[e](nowhere)\n```\n");
  write("docs/adr/0001.md", "[root](/docs/guides/first.md) [folder](../guides/)\n");
  EXPECT_THAT(findings(), ElementsAre(HasSubstr("docs/guides/first.md:1: the link to missing.md leads nowhere")));
}

TEST_F(TidyTest, notes_machine_paths_and_registries_are_found) {
  write("docs/a.md",
        "TO"
        "DO: more\n");
  write("docs/b.md",
        "see /wo"
        "rk/main\n");
  write("docs/c.md",
        "a/wo"
        "rk/b and TODOS are fine\n");
  write("tools/fetch",
        "#!/bin/sh\ncurl pypi"
        ".org\n");
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("docs/a.md:1: finish it"), HasSubstr("docs/b.md:1: a path of one machine"),
                          HasSubstr("tools/fetch:2: do not name a package registry")));
}

TEST_F(TidyTest, build_output_is_not_read) {
  write("build/dev/a.cpp", "\tpopen();");
  write("web/node_modules/x/README.md", "[a](b)");
  EXPECT_THAT(findings(), IsEmpty());
}

TEST(BlankLiterals, keeps_the_length_and_the_lines) {
  std::string text = "a /* x\ny */ \"q\\\"\" 'c' 1'000 R\"d(\n)\")d\" z // e";
  auto code = blank_literals(text);
  EXPECT_EQ(code.size(), text.size());
  EXPECT_EQ(std::count(code.begin(), code.end(), '\n'), 2);
  EXPECT_THAT(code, HasSubstr("1'000"));
  EXPECT_THAT(code, HasSubstr(" z "));
  EXPECT_EQ(code.find('x'), std::string::npos);
  EXPECT_EQ(code.find('q'), std::string::npos);
  EXPECT_EQ(code.find('d'), std::string::npos);
}

}  // namespace
}  // namespace modelops::tidy
