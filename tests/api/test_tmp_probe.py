import httpx, pytest
from tests.api.conftest import House, token_of
pytestmark=[pytest.mark.db, pytest.mark.enable_socket]
def test_probe(timescale_house: House) -> None:
    h=timescale_house
    logins=[r[0] for r in h.plant.database.connect("owner").execute("select login from web_login").fetchall()]
    print(logins)
    c=h.visitor([l for l in logins if "chen" in l or "officer" in l][0] if any("chen" in l or "officer" in l for l in logins) else logins[0])
    me=c.get("/api/v1/me").json(); print(me["role"])
    occ=c.get("/api/v1/occurrences").json()
    oid=occ[0]["occurrence_id"] if occ else 1
    tok={"X-Form-Token": me["form_token"]}
    def p(label,r): print(label, r.status_code, dict((k,v) for k,v in r.headers.items() if k in("location","cache-control","content-security-policy","allow")), r.text[:150].replace("\n"," "))
    p("nul",c.post(f"/api/v1/occurrences/{oid}/comments",json={"body":"a\x00b"},headers=tok))
    p("sur",c.post(f"/api/v1/occurrences/{oid}/comments",content=b'{"body":"\\ud800"}',headers={**tok,"content-type":"application/json"}))
    p("nulform",c.post(f"/occurrences/{oid}/comment",data={"body":"a\x00b","form_token":me["form_token"]}))
    p("big",c.get("/occurrences/99999999999999999999999"))
    p("bigbefore",c.get("/occurrences?before=99999999999999999999999"))
    p("until",c.get("/api/v1/sensors/1/readings?until=0001-01-01T00:00:00Z"))
    p("until2",c.get("/api/v1/sensors/1/readings?until=9999-12-31T23:59:59-10:00"))
    p("dev",c.get("/api/v1/rejected-messages?device=99999999999"))
    p("slash",c.get("/alarms/",headers={"host":"evil.example"},follow_redirects=False))
    p("static404",c.get("/static/nope.js"))
    p("statictrav",c.get("/static/..%2f..%2fapp.py"))
    for m in ("HEAD","OPTIONS","TRACE","PUT"): p(m,c.request(m,"/alarms"))
    p("head-static",c.request("HEAD","/static/davy.js"))
    p("langnext",c.get("/language?to=en&next=/%5Cevil",follow_redirects=False))
    p("langnext2",c.get("/language?to=en&next=/%0d%0aSet-Cookie:x",follow_redirects=False))
    p("mulform",c.post(f"/occurrences/{oid}/comment",data={"body":"x"}))
    p("csrfless api",c.post(f"/api/v1/occurrences/{oid}/acknowledge"))
    p("get state change",c.get(f"/occurrences/{oid}/acknowledge"))
    p("hx",httpx.get(h.url+"/alarms",headers={"hx-request":"true"}))
    p("openapi anon",httpx.get(h.url+"/api/v1/openapi.json"))
    p("unloc bodies",httpx.post(h.url+"/login",content=b"x"*70000))
    def gen():
        for _ in range(80): yield b"x"*1000
    p("chunked",httpx.post(h.url+"/login",content=gen(),headers={"content-type":"application/x-www-form-urlencoded"}))
    p("cookie junk",httpx.get(h.url+"/alarms",headers={"cookie":"davy_session="+"A"*43+".1."+"0"*64}))
    p("cookie unicode digits",httpx.get(h.url+"/alarms",headers={"cookie":("davy_session="+"A"*43+".٣."+"0"*64).encode()}))
    p("login nul",c.post("/api/v1/session",json={"login":"a\x00","password":"b"}))
    p("login pw sur",c.post("/api/v1/session",content=b'{"login":"a","password":"\\ud800"}',headers={"content-type":"application/json"}))
    assert 0
