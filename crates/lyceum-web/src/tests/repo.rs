//! Tests of the pages of a repo.

use lyceum_core::{RepoId, RepoKind, RepoPath, Revision};
use lyceum_hub::{Action, Caller, Operation, RepoChange, Visibility};

use super::TestSite;

const CARD: &str =
    "---\nlicense: mit\n---\n# Hello <script>alert(1)</script>\n\n\n![plot](plot.png) [more](deep/more.md)\n";

impl TestSite {
    /// Commits files to a repo's `main`.
    pub(super) async fn commit(&self, caller: &Caller, kind: RepoKind, id: &RepoId, files: &[(&str, &[u8])]) {
        let repo = self.hub.open(caller, kind, id, Action::Write).await.unwrap();
        let mut commit = self.hub.start_commit(caller, &repo, &Revision::main(), false).await.unwrap();
        let header = Operation::Header {
            summary: "First <b>".to_owned(),
            description: "why".to_owned(),
            parent: None,
        };
        commit.push(header).await.unwrap();
        for (path, content) in files {
            let path = RepoPath::parse(path).unwrap();
            commit.push(Operation::File { path, content: content.to_vec().into() }).await.unwrap();
        }
        commit.finish().await.unwrap();
    }

    pub(super) async fn change(&self, caller: &Caller, id: &RepoId, change: RepoChange) {
        let repo = self.hub.open(caller, RepoKind::Model, id, Action::Administer).await.unwrap();
        self.hub.change_repo(caller, &repo, change).await.unwrap();
    }
}

#[tokio::test]
async fn a_public_repo_shows_card_files_and_history() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    for kind in [RepoKind::Model, RepoKind::Dataset] {
        let id = site.hub.repo(&ada, kind, "thing").await;
        let files =
            [("README.md", CARD.as_bytes()), ("deep/er/a b.txt", b"x <y>"), ("raw.dat", &[0, 159, 146][..])];
        site.commit(&ada, kind, &id, &files).await;
        let base = format!("/{}{id}", kind.url_prefix());
        let check = async |path: &str, expected: &[&str]| {
            let page = site.get(&format!("{base}{path}"), "").await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            for words in expected {
                assert!(page.text.contains(words), "{path} does not show {words:?}: {}", page.text);
            }
            assert!(
                !page.text.contains("<script") && !page.text.contains("First <b>"),
                "{path}: {}",
                page.text
            );
        };
        let link = |rest: &str| format!("href=\"{base}{rest}\"");
        let picture = format!("src=\"{base}/resolve/main/plot.png\"");
        check("", &["<h1 id=\"user-hello", &picture, &link("/blob/main/deep/more.md"), &link("/tree/main")])
            .await;
        check(
            "/tree/main",
            &[&link("/blob/main/README.md"), &link("/tree/main/deep"), &link("/download/main")],
        )
        .await;
        let zip = site.get(&format!("{base}/download/main"), "").await;
        assert!(zip.status == 200 && zip.text.contains("thing-"), "{}", zip.status);
        check("/tree/main/deep/er", &[&link("/blob/main/deep/er/a%20b.txt"), &link("/tree/main/deep")]).await;
        check(
            "/blob/main/deep/er/a%20b.txt",
            &["x &lt;y&gt;", &link("/resolve/main/deep/er/a%20b.txt?download=true")],
        )
        .await;
        check("/blob/main/raw.dat", &["is not shown"]).await;
        check(
            "/blob/main/README.md",
            &["<h1 id=\"user-hello", &link("/blob/main/README.md?plain"), &picture],
        )
        .await;
        check("/blob/main/README.md?plain", &["<tr id=\"L4\">", "# Hello &lt;script&gt;"]).await;
        check("/commits/main", &["First &#60;b&#62;", &link("/compare")]).await;
        check("/refs", &[&link("/tree/main"), &link("/compare?head=main")]).await;
        check("/discussions", &["No discussions yet"]).await;
        let repo = site.hub.open(&ada, kind, &id, Action::Read).await.unwrap();
        let head = site.hub.resolve(&repo, &Revision::main()).await.unwrap();
        check(&format!("/commit/{head}"), &["why", &head.to_string(), "+x &#60;y&#62;", "It is not text"])
            .await;
        check(&format!("/commit/{head}?view=split"), &["<td class=\"add\">x &#60;y&#62;", "It is not text"])
            .await;
        check("/compare", &["name=\"base\"", "<option value=\"main\">"]).await;
        check(&format!("/compare?base={head}&head=main"), &["They are the same"]).await;
        check(
            "/compare?base=main&head=%3Cscript%3E",
            &["neither a branch nor a tag", "value=\"&#60;script&#62;\""],
        )
        .await;
        check(&format!("/tree/{head}"), &["README.md"]).await;

        let folder = site.get(&format!("{base}/blob/main/deep"), "").await;
        assert_eq!(
            (folder.status.as_u16(), folder.location()),
            (307, format!("{base}/tree/main/deep").as_str())
        );
        for missing in [
            "/tree/none",
            "/tree/main/none",
            "/blob/main/none",
            "/commits/none",
            "/commit/1234567",
            "/discussions/9",
            "/discussions/x",
        ] {
            assert_eq!(site.get(&format!("{base}{missing}"), "").await.status, 404, "{missing}");
        }
        assert_eq!(site.get(&format!("{base}/blob/main/..%2f..%2fetc"), "").await.status, 404);
    }
    let front = site.get("/", "").await;
    assert!(
        front.text.contains("href=\"/ada/thing\"") && front.text.contains("href=\"/datasets/ada/thing\"")
    );
    assert!(site.get("/datasets?search=THI", "").await.text.contains("ada/thing"));
    assert!(!site.get("/datasets?search=other", "").await.text.contains("ada/thing"));
    assert_eq!(site.get("/ada", "").await.status, 200);
}

#[tokio::test]
async fn a_model_page_tells_what_is_known_of_it() {
    let site = TestSite::at(Some("https://hub.example")).await;
    let (ada, _) = site.hub.user("ada").await;
    let base = site.hub.repo(&ada, RepoKind::Model, "base").await;
    let tuned = site.hub.repo(&ada, RepoKind::Model, "tuned").await;
    site.commit(&ada, RepoKind::Model, &base, &[("README.md", b"---\nlicense: mit\n---\n")]).await;
    let card = "---\nlicense: mit\nlanguage: [en, '<i>']\nlibrary_name: transformers\npipeline_tag: text-generation\n\
        base_model: ada/base\ndatasets: [ada/letters, '<script>alert(1)</script>']\ntags: ['\"><script>alert(1)</script>']\n\
        model-index:\n- name: x\n  results:\n  - task: {type: t, name: <script>}\n    dataset: {name: MMLU, type: m}\n    \
        metrics: [{type: acc, value: 0.4231, name: accuracy}]\n    source: {name: harness, url: 'javascript:alert(1)'}\n  \
        - dataset: {name: GSM8K}\n    metrics: [{type: acc, value: 12}, {value: 1}, 7]\n    \
        source: {url: 'https://results.example/\"x'}\n- 3\n---\nA card.\n\n```bibtex\n@misc{ada}\n```\n";
    let config = br#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}"#;
    let files = [("README.md", card.as_bytes()), ("config.json", config), ("model.safetensors", b"broken")];
    site.commit(&ada, RepoKind::Model, &tuned, &files).await;
    let page = site.get("/ada/tuned", "").await;
    assert_eq!(page.status, 200);
    for part in [
        "href=\"/models?tag=license%3Amit\">mit</a>",
        "href=\"/models?tag=text%2Dgeneration\"",
        "href=\"/ada/base\">ada/base</a>",
        "href=\"/datasets/ada/letters\">ada/letters</a>",
        "AutoModelForCausalLM.from_pretrained(&#34;ada/tuned&#34;)",
        "export HF_ENDPOINT=https://hub.example\nhf download ada/tuned",
        "git clone https://hub.example/ada/tuned",
        "@misc{ada}",
        "accuracy</td><td class=\"number\">0.4231</td><td></td>",
        "<td class=\"number\">12</td><td><a href=\"https://results.example/&#34;x\" rel=\"nofollow noopener\">source</a>",
    ] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    for part in ["<script", "<i>", "javascript:"] {
        assert!(!page.text.contains(part), "{part} in {}", page.text);
    }
    // The job that describes repos runs on its own; looking at the page describes this one too.
    let page = site.get("/ada/base", "").await;
    assert!(page.text.contains("Fine-tunes") && page.text.contains("href=\"/ada/tuned\""), "{}", page.text);
    assert!(page.text.contains("@misc{ada_base"), "{}", page.text);
}

#[tokio::test]
async fn a_file_is_shown_as_what_it_is() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "m").await;
    let text = |text: &str| [(text.len() as u64).to_le_bytes().as_slice(), text.as_bytes()].concat();
    let json =
        br#"{"__metadata__":{"<i>":"<script>"},"<b>":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
    let safetensors = [&(json.len() as u64).to_le_bytes()[..], json, &[0; 8]].concat();
    let gguf = [
        b"GGUF".as_slice(),
        &3_u32.to_le_bytes(),
        &1_u64.to_le_bytes(),
        &1_u64.to_le_bytes(),
        &text("general.name"),
        &8_u32.to_le_bytes(),
        &text("<script>alert(1)</script>"),
        &text("blk.0<b>"),
        &1_u32.to_le_bytes(),
        &7_u64.to_le_bytes(),
        &12_u32.to_le_bytes(),
        &0_u64.to_le_bytes(),
    ]
    .concat();
    let name = "\"><script>alert(1)<.py";
    let files: [(&str, &[u8]); 8] = [
        ("a.safetensors", &safetensors),
        ("broken.safetensors", b"x"),
        ("a.gguf", &gguf),
        ("cut.gguf", &gguf[..40]),
        ("a.svg", b"<svg><script>alert(1)</script></svg>"),
        ("a.wav", b"RIFF"),
        (name, b"def f():\n    return '</td><script>'\n"),
        ("empty", b""),
    ];
    site.commit(&ada, RepoKind::Model, &id, &files).await;
    let session = site.session("ada").await;
    let encoded = "%22%3E%3Cscript%3Ealert%281%29%3C.py";
    for (path, parts) in [
        ("a.safetensors", &["safetensors", "&#60;b&#62;", "[2, 1]", "F32", "&#60;script&#62;"][..]),
        ("broken.safetensors", &["Cannot read the header"]),
        ("a.gguf", &["GGUF", "general.name", "&#60;script&#62;alert", "blk.0&#60;b&#62;", "Q4_K", "[7]"]),
        ("cut.gguf", &["the file ends within it"]),
        ("a.svg", &["<img class=\"media\" src=\"/ada/m/download/main/a.svg\""]),
        ("a.wav", &["<audio class=\"media\" controls"]),
        (encoded, &["<span class=\"hl-k\">def</span>", "&lt;/td&gt;&lt;script&gt;", "<a href=\"#L2\">2</a>"]),
        ("empty", &["This file is empty"]),
    ] {
        let page = site.get(&format!("/ada/m/blob/main/{path}"), &session).await;
        assert_eq!(page.status, 200, "{path}");
        for part in parts {
            assert!(page.text.contains(part), "{path} lacks {part}: {}", page.text);
        }
        assert!(!page.text.contains("<script") && !page.text.contains("<b>"), "{path}: {}", page.text);
    }
    let tree = site.get("/ada/m/tree/main", "").await;
    assert!(tree.text.contains("First &#60;b&#62;") && tree.text.contains(&format!("/blob/main/{encoded}")));
    assert!(!tree.text.contains("<script"), "{}", tree.text);
}

#[tokio::test]
async fn only_a_picture_of_a_page_is_sent_as_one() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "m").await;
    let svg: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    site.commit(&ada, RepoKind::Model, &id, &[("a.svg", svg), ("a.html", svg)]).await;
    for (file, purpose, expected) in [
        ("a.svg", "image", "image/svg+xml"),
        ("a.svg", "document", "application/octet-stream"),
        ("a.svg", "iframe", "application/octet-stream"),
        ("a.html", "image", "application/octet-stream"),
    ] {
        let request = http::Request::builder()
            .uri(format!("/ada/m/download/main/{file}"))
            .header("sec-fetch-dest", purpose)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = tower::ServiceExt::oneshot(site.router.clone(), request).await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), expected, "{file} {purpose}");
        assert!(header("content-disposition").starts_with("attachment"), "{file} {purpose}");
        assert!(header("content-security-policy").starts_with("sandbox"), "{file} {purpose}");
    }
}

#[tokio::test]
async fn a_repo_is_liked_from_its_page() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    assert!(site.get("/ada/thing", "").await.text.contains("href=\"/login?next=%2Fada%2Fthing\""));
    let session = site.session("ada").await;
    let token = super::site::token(&site.get("/ada/thing", &session).await);
    assert_eq!(site.post("/ada/thing/like", &session, "token=forged&like=true").await.status, 403);
    assert_eq!(site.post("/ada/thing/like", "", "token=&like=true").await.status, 403);
    for (like, shown) in
        [(true, "aria-pressed=\"true\">Liked <strong>1"), (false, "aria-pressed=\"false\">Like <strong>0")]
    {
        let sent = site.post("/ada/thing/like", &session, &format!("token={token}&like={like}")).await;
        assert_eq!((sent.status.as_u16(), sent.location()), (303, "/ada/thing"));
        let page = site.get("/ada/thing", &session).await;
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    site.change(&ada, &id, RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() })
        .await;
    site.hub.user("bob").await;
    let other = site.session("bob").await;
    let token = super::site::token(&site.get("/", &other).await);
    for name in ["thing", "nothing"] {
        let hidden =
            site.post(&format!("/ada/{name}/like"), &other, &format!("token={token}&like=true")).await;
        assert_eq!(hidden.status, 404, "{name}");
    }
}

#[tokio::test]
async fn discussions_show_what_was_said_and_changed() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let repo = site.hub.open(&ada, RepoKind::Model, &id, Action::Administer).await.unwrap();
    site.hub.create_discussion(&ada, &repo, "<i>Why?</i>", "<script>alert(1)</script>", false).await.unwrap();
    site.hub.set_discussion_open(&ada, &repo, 1, false, Some("bye")).await.unwrap();
    site.hub.create_discussion(&ada, &repo, "A change", "", true).await.unwrap();
    let pull = Revision::parse("refs/pr/2").unwrap();
    let mut commit = site.hub.start_commit(&ada, &repo, &pull, false).await.unwrap();
    let (summary, content) = ("Add a page".to_owned(), "<b>new</b>\n".into());
    commit.push(Operation::Header { summary, description: String::new(), parent: None }).await.unwrap();
    commit.push(Operation::File { path: RepoPath::parse("page.html").unwrap(), content }).await.unwrap();
    commit.finish().await.unwrap();
    for number in 0..101 {
        site.hub.comment(&ada, &repo, 2, &format!("word {number}")).await.unwrap();
    }
    let check = async |path: &str, parts: &[&str], absent: &[&str]| {
        let page = site.get(&format!("/ada/thing/discussions{path}"), "").await;
        assert_eq!(page.status, 200, "{path}");
        for part in parts {
            assert!(page.text.contains(part), "{path} lacks {part}: {}", page.text);
        }
        for part in absent {
            assert!(!page.text.contains(part), "{path} has {part}: {}", page.text);
        }
    };
    check("", &["&#60;i&#62;Why?", "A change", "pull request", "?status=closed"], &["<i>"]).await;
    check("?status=closed", &["Why?"], &["A change"]).await;
    check("?type=pull_request&status=open", &["A change"], &["Why?"]).await;
    check("?type=%3Cscript%3E&status=%22", &["A change", "Why?"], &["<script"]).await;
    check("/1", &["<p>bye</p>", "set it to closed", "<span class=\"badge\">closed"], &["<script"]).await;
    let parts = [
        "Add a page",
        "word 97",
        "+&#60;b&#62;new",
        "<span class=\"badge\">new</span>",
        "discussions/2?p=1",
        "refs/heads/main",
    ];
    check("/2", &parts, &["word 98", "<b>new"]).await;
    check("/2?p=1", &["word 98", "word 100", "discussions/2?p=0"], &["word 97"]).await;
    check("/2?p=9", &["A change"], &["word"]).await;
}

#[tokio::test]
async fn a_private_repo_is_like_a_missing_one_to_strangers() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "secret").await;
    site.commit(&ada, RepoKind::Model, &id, &[("README.md", CARD.as_bytes())]).await;
    site.change(&ada, &id, RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() })
        .await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    for rest in [
        "",
        "/tree/main",
        "/blob/main/README.md",
        "/download/main/README.md",
        "/commits/main",
        "/commit/main",
        "/compare?head=main",
        "/refs",
        "/discussions",
    ] {
        assert_eq!(site.get(&format!("/ada/secret{rest}"), &owner).await.status, 200, "{rest}");
        for (cookie, who) in [("", "anonymous"), (other.as_str(), "bob")] {
            let hidden = site.get(&format!("/ada/secret{rest}"), cookie).await;
            let missing = site.get(&format!("/ada/nothing{rest}"), cookie).await;
            assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{rest} to {who}");
        }
    }
    for path in ["/", "/models", "/ada"] {
        assert!(site.get(path, &owner).await.text.contains("ada/secret"), "{path}");
        assert!(!site.get(path, &other).await.text.contains("ada/secret"), "{path}");
        assert!(!site.get(path, "").await.text.contains("ada/secret"), "{path}");
    }
    assert!(site.get("/ada", &other).await.text.contains("Nothing that you may see"));
}

#[tokio::test]
async fn a_gated_repo_shows_its_names_but_not_its_content() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "gate").await;
    site.commit(&ada, RepoKind::Model, &id, &[("README.md", CARD.as_bytes())]).await;
    site.change(&ada, &id, RepoChange { gated: Some(lyceum_hub::Gated::Manual), ..RepoChange::default() })
        .await;
    let page = site.get("/ada/gate", "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("gated"), "{}", page.text);
    assert!(site.get("/ada/gate/tree/main", "").await.text.contains("README.md"));
    assert!(!page.text.contains("# Hello"), "the content is not shown");
    let commits = site.get("/ada/gate/commits/main", "").await;
    let (_, after) = commits.text.split_once("href=\"/ada/gate/commit/").unwrap();
    let head = &after[..40];
    for path in [format!("commit/{head}"), format!("compare?base={head}&head=main")] {
        let page = site.get(&format!("/ada/gate/{path}"), "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.text.contains("is restricted") && !page.text.contains("# Hello"),
            "{path}: {}",
            page.text
        );
    }
    for rest in ["/blob/main/README.md", "/download/main/README.md"] {
        assert_eq!(site.get(&format!("/ada/gate{rest}"), "").await.status, 403, "{rest}");
    }
}

#[tokio::test]
async fn an_old_id_leads_to_the_new_one() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "old").await;
    let repo = site.hub.open(&ada, RepoKind::Model, &id, Action::Administer).await.unwrap();
    site.hub.move_repo(&ada, &repo, &RepoId::parse("ada/new").unwrap()).await.unwrap();
    let moved = site.get("/ada/old/tree/main?after=x", "").await;
    assert_eq!((moved.status.as_u16(), moved.location()), (307, "/ada/new/tree/main?after=x"));
    assert_eq!(site.get("/ADA/NEW", "").await.status, 200, "case does not matter");
}

#[tokio::test]
async fn a_download_is_saved_and_never_shown() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Space, "app").await;
    site.commit(&ada, RepoKind::Space, &id, &[("a \"b\".html", b"<script>alert(1)</script>")]).await;
    let file = site.get("/spaces/ada/app/download/main/a%20%22b%22.html", "").await;
    assert_eq!((file.status.as_u16(), file.text.as_str()), (200, "<script>alert(1)</script>"));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("content-disposition"), "attachment; filename*=UTF-8''a%20%22b%22%2Ehtml");
    assert!(file.header("content-security-policy").starts_with("sandbox"));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_mirror_says_what_it_follows() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    assert!(!site.get("/ada/thing", "").await.text.contains("Mirror of"));
    site.hub.pretend_mirror(RepoKind::Model, &id).await;
    let page = site.get("/ada/thing", "").await.text;
    assert!(
        page.contains("<dt>Mirror of</dt><dd>hf://lab/m</dd><dt>Up to date</dt><dd>never</dd>"),
        "{page}"
    );
}
