//! A provider of identities for tests, on a port of this machine, that can also be made to cheat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lyceum_core::Clock;
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::url::Url;
use openidconnect::{JsonWebKeyId, PkceCodeChallenge, PkceCodeVerifier, PrivateSigningKey as _};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Name of the client that the provider knows.
pub const CLIENT_ID: &str = "hub";
/// Its secret.
pub const CLIENT_SECRET: &str = "a secret";

/// How the next token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// With the key that is published.
    Genuine,
    /// Not at all.
    None,
    /// With the published key, as if it were a shared secret.
    Shared,
    /// With a key that nobody knows.
    Unknown,
    /// With a key that nobody knows, under the name of the one that is published.
    Forged,
}

/// A provider that signs whatever it is told to.
#[derive(Clone)]
pub struct FakeProvider {
    port: u16,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

struct State {
    key: u8,
    signature: Signature,
    down: bool,
    codes: HashMap<String, Grant>,
    requests: Vec<String>,
}

struct Grant {
    challenge: String,
    redirect_uri: String,
    token: Map<String, Value>,
    info: Value,
}

/// What a browser comes back with.
#[derive(Debug, Clone)]
pub struct Returned {
    /// The code.
    pub code: String,
    /// What the hub sent along.
    pub state: String,
}

impl FakeProvider {
    /// Starts a provider, which lives as long as the runtime.
    pub async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let state = State {
            key: 1,
            signature: Signature::Genuine,
            down: false,
            codes: HashMap::new(),
            requests: Vec::new(),
        };
        let provider = Self { port, clock, state: Arc::new(Mutex::new(state)) };
        let served = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.serve(stream).await.ok();
            }
        });
        provider
    }

    /// Returns the provider's address.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Signs somebody in who was sent to `location`. `claims` replace and complete those of the token, `null` leaves one
    /// out; `info` is what is said only when asked for.
    pub fn approve(&self, location: &str, claims: &Value, info: Value) -> Returned {
        let url = Url::parse(location).expect("browsers are sent to an address");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
        assert_eq!((asked("response_type"), asked("client_id")), ("code".to_owned(), CLIENT_ID.to_owned()));
        assert_eq!(asked("code_challenge_method"), "S256");
        let mut token = self.token_claims(CLIENT_ID, claims);
        if token.get("nonce").is_none() && claims.get("nonce").is_none() {
            token.insert("nonce".to_owned(), asked("nonce").into());
        }
        let grant =
            Grant { challenge: asked("code_challenge"), redirect_uri: asked("redirect_uri"), token, info };
        let mut state = self.state();
        let code = format!("code-{}", state.codes.len());
        state.codes.insert(code.clone(), grant);
        Returned { code, state: asked("state") }
    }

    /// Returns a signed token, as an issuer of machine identities gives one to a job.
    pub fn token(&self, audience: &str, claims: &Value) -> String {
        self.sign(&self.token_claims(audience, claims))
    }

    /// Sets how tokens are signed from now on.
    pub fn sign_as(&self, signature: Signature) {
        self.state().signature = signature;
    }

    /// Replaces the key.
    pub fn rotate(&self) {
        self.state().key += 1;
    }

    /// Has the provider answer nothing but errors, or not any more.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Returns how often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|asked| *asked == path).count()
    }

    fn token_claims(&self, audience: &str, claims: &Value) -> Map<String, Value> {
        let now = self.clock.now().seconds();
        let mut token = Map::new();
        let usual =
            json!({ "iss": self.issuer(), "aud": audience, "sub": "1", "iat": now, "exp": now + 300 });
        for said in [&usual, claims].into_iter().filter_map(Value::as_object) {
            for (name, value) in said {
                token.insert(name.clone(), value.clone());
            }
        }
        token.retain(|_, value| !value.is_null());
        token
    }

    fn sign(&self, claims: &Map<String, Value>) -> String {
        let (number, signature) = {
            let state = self.state();
            (state.key, state.signature)
        };
        let (algorithm, name) = match signature {
            Signature::Genuine | Signature::Forged => ("EdDSA", number),
            Signature::Unknown => ("EdDSA", 0),
            Signature::Shared => ("HS256", number),
            Signature::None => ("none", number),
        };
        let header = json!({ "alg": algorithm, "kid": name.to_string(), "typ": "JWT" });
        let encode = |value: String| URL_SAFE_NO_PAD.encode(value);
        let signed =
            format!("{}.{}", encode(header.to_string()), encode(Value::Object(claims.clone()).to_string()));
        let bytes = match signature {
            Signature::Genuine => sign_with(number, &signed),
            Signature::Forged | Signature::Unknown => sign_with(99, &signed),
            Signature::Shared => {
                use openidconnect::core::CoreHmacKey;
                let shared = CoreHmacKey::new(public(number));
                shared.sign(&CoreJwsSigningAlgorithm::HmacSha256, signed.as_bytes()).expect("HMAC signs")
            }
            Signature::None => Vec::new(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Answers one request and closes the connection.
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
        stream.read_line(&mut line).await?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            if stream.read_line(&mut header).await? <= 2 {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or_default(),
                "authorization" => value.trim().clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let (status, answer) = self.answer(&path, &authorization, &body);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }

    fn answer(&self, path: &str, authorization: &str, body: &[u8]) -> (u16, Value) {
        let down = {
            let mut state = self.state();
            state.requests.push(path.to_owned());
            state.down
        };
        let issuer = self.issuer();
        match path {
            _ if down => (503, json!({})),
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "userinfo_endpoint": format!("{issuer}/me"),
                    "jwks_uri": format!("{issuer}/keys"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["EdDSA"],
                }),
            ),
            "/keys" => {
                let number = self.state().key;
                (200, json!({ "keys": [key(number).as_verification_key()] }))
            }
            "/token" => self.exchange(authorization, body),
            "/me" => {
                let state = self.state();
                let grant = authorization.strip_prefix("Bearer ").and_then(|code| state.codes.get(code));
                grant.map_or((401, json!({})), |grant| (200, grant.info.clone()))
            }
            _ => (404, json!({})),
        }
    }

    fn exchange(&self, authorization: &str, body: &[u8]) -> (u16, Value) {
        let form = Url::parse(&format!("http://form/?{}", String::from_utf8_lossy(body))).expect("a form");
        let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
        let sent = |name: &str| form.get(name).cloned().unwrap_or_default();
        let refuse = (400, json!({ "error": "invalid_grant" }));
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{}", CLIENT_SECRET.replace(' ', "+")));
        if authorization != format!("Basic {basic}") {
            return (401, json!({ "error": "invalid_client" }));
        }
        let claims = {
            let state = self.state();
            let Some(grant) = state.codes.get(&sent("code")) else {
                return refuse;
            };
            let verifier = PkceCodeVerifier::new(sent("code_verifier"));
            let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
            if challenge.as_str() != grant.challenge || sent("redirect_uri") != grant.redirect_uri {
                return refuse;
            }
            grant.token.clone()
        };
        // The code serves as the access token, too.
        let answer = json!({
            "access_token": sent("code"), "token_type": "Bearer", "id_token": self.sign(&claims),
        });
        (200, answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a key of a number; the same for the same number.
fn key(number: u8) -> CoreEdDsaPrivateSigningKey {
    // PKCS #8 of an Ed25519 key is this and the 32 bytes of its seed.
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([number; 32]);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(number.to_string())))
        .expect("any seed makes a key")
}

fn public(number: u8) -> Vec<u8> {
    let published = serde_json::to_value(key(number).as_verification_key()).expect("keys are plain data");
    let point = published["x"].as_str().expect("the key is a point");
    URL_SAFE_NO_PAD.decode(point).expect("it is written in base64url")
}

fn sign_with(number: u8, text: &str) -> Vec<u8> {
    key(number).sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes()).expect("Ed25519 signs")
}
