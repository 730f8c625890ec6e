"""How envelopes travel. `signing.py`: RFC 9421; `server.py`: central's answers, whatever carried the request;
`http.py`: the clinic's side.
"""
